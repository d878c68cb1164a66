import { hash } from 'bcrypt'
import { expect, test } from 'vitest'
import { hashPassword, isPassword } from '../../src/credentials/passwords.ts'

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
  await expect(hashPassword(`${longest}x`)).rejects.toMatchObject({ code: 'invalid' })
})

test('nobody has a password where none is stored, nor where what is stored is none', async () => {
  expect(await isPassword('x', undefined)).toBe(false)
  expect(await isPassword('x', 'x')).toBe(false)
  expect(await isPassword('', '')).toBe(false)
})

test.each([
  ['in all', 200, (index: number) => `waiter ${index}`],
  ['of one waiter', 16, () => 'waiter'],
])(
  'when too many wait %s, one more is turned away, and the others are checked',
  async (_, most, waiterOf) => {
    const quick = await hash('x', 4)
    const checks = Array.from({ length: most + 3 }, (_, index) =>
      isPassword('x', quick, { waiter: waiterOf(index) }).catch(({ code }) => code),
    )
    const outcomes = await Promise.all(checks)
    expect(outcomes.slice(0, most + 2)).toEqual(Array(most + 2).fill(true))
    expect(outcomes[most + 2]).toBe('overloaded')
    expect(await isPassword('x', quick)).toBe(true)
  },
)

test('those who wait take turns', async () => {
  const quick = await hash('x', 4)
  const order: string[] = []
  const check = async (waiter: string) => {
    await isPassword('x', quick, { waiter, isWanted: () => order.push(waiter) > 0 })
  }
  await Promise.all(['a', 'a', 'a', 'a', 'a', 'b', 'c', 'b'].map(check))
  expect(order).toEqual(['a', 'a', 'a', 'b', 'c', 'a', 'b', 'a'])
})

test('nothing is checked once nobody waits for it', async () => {
  const quick = await hash('x', 4)
  await expect(isPassword('x', quick, { isWanted: () => false })).rejects.toMatchObject({
    code: 'unavailable',
  })
  expect(await isPassword('x', quick)).toBe(true)
})
