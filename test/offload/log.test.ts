import { expect, it } from 'vitest'
import { eachOnce } from '../../src/offload/log.ts'

it('a message is passed on once, and a thousand different ones at most', () => {
  const passed: string[] = []
  const pass = eachOnce((message) => passed.push(message))
  for (let round = 0; round < 3; round++)
    for (let number = 0; number < 1_500; number++) pass(`message ${number}`)
  expect(passed).toHaveLength(1_001)
  expect(new Set(passed).size).toBe(1_001)
  expect(passed.slice(0, 2)).toEqual(['message 0', 'message 1'])
  expect(passed.at(-1)).toBe('there were 1000 such messages; more are not logged')
})
