import { hash } from 'bcrypt'
import { expect, test } from 'vitest'
import { hashPassword, isPassword } from '../../src/server/passwords.ts'

test('a hash is bcrypt’s at cost 12, in the form that the reference server reads', async () => {
  const hashed = await hashPassword('correct horse')
  expect(hashed).toMatch(/^\$2b\$12\$[./A-Za-z0-9]{53}$/)
  expect(await isPassword('correct horse', hashed)).toBe(true)
  expect(await isPassword('correct horsf', hashed)).toBe(false)
})

test('the event loop goes on while a password is hashed', async () => {
  const order: string[] = []
  const hashed = hashPassword('x').then(() => order.push('hashed'))
  await new Promise<void>((resolve) => setImmediate(resolve))
  order.push('ticked')
  await hashed
  expect(order).toEqual(['ticked', 'hashed'])
})

test('a password is at most 72 bytes long, which is all that bcrypt looks at', async () => {
  const longest = 'ü'.repeat(36)
  const hashed = await hashPassword(longest)
  expect(await isPassword(longest, hashed)).toBe(true)
  expect(await isPassword(`${longest}x`, hashed)).toBe(false)
  await expect(hashPassword(`${longest}x`)).rejects.toThrow(RangeError)
})

test('nobody has a password where none is stored, nor where what is stored is none', async () => {
  expect(await isPassword('x', undefined)).toBe(false)
  expect(await isPassword('x', 'x')).toBe(false)
  expect(await isPassword('', '')).toBe(false)
})

test('when too many passwords wait, one more is turned away, and the others are checked', async () => {
  const quick = await hash('x', 4)
  const checks = Array.from({ length: 203 }, () =>
    isPassword('x', quick).catch((error: { code: string }) => error.code),
  )
  const outcomes = await Promise.all(checks)
  expect(outcomes.slice(0, 202)).toEqual(Array(202).fill(true))
  expect(outcomes[202]).toBe('overloaded')
  expect(await isPassword('x', quick)).toBe(true)
})
