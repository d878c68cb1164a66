import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { eachOnce, RepeatedFaults } from '../src/logging.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

function told() {
  const lines: string[] = []
  const repeated = new RepeatedFaults()
  const note = (key: string) =>
    repeated.note(
      key,
      () => lines.push(key),
      (count) => lines.push(`${key} x ${count}`),
    )
  return { lines, repeated, note }
}

test('a fault is told once, then as often as it came in ten seconds, and anew once it was away', () => {
  const { lines, note } = told()
  for (let time = 0; time < 6_000; time++) note('full')
  note('locked')
  expect(lines).toEqual(['full', 'locked'])
  vi.advanceTimersByTime(10_000)
  expect(lines.splice(0)).toEqual(['full', 'locked', 'full x 5999'])
  note('full')
  vi.advanceTimersByTime(10_000)
  expect(lines.splice(0)).toEqual(['full x 1'])
  vi.advanceTimersByTime(10_000)
  note('full')
  expect(lines).toEqual(['full'])
})

test('what was counted is told at the end', () => {
  const { lines, repeated, note } = told()
  note('full')
  note('full')
  repeated[Symbol.dispose]()
  expect(lines).toEqual(['full', 'full x 1'])
  expect(vi.getTimerCount()).toBe(0)
})

test('of more than a hundred different ones the rest are counted together', () => {
  const { lines, repeated, note } = told()
  for (let fault = 0; fault < 1_000; fault++) note(`fault ${fault}`)
  expect(lines).toHaveLength(101)
  repeated[Symbol.dispose]()
  expect(lines.at(-1)).toBe('fault 100 x 899')
})
test('a message is passed on once, and a thousand different ones at most', () => {
  const passed: string[] = []
  const pass = eachOnce((message) => passed.push(message))
  for (let round = 0; round < 3; round++)
    for (let number = 0; number < 1_500; number++) pass(`message ${number}`)
  expect(passed).toHaveLength(1_001)
  expect(new Set(passed).size).toBe(1_001)
  expect(passed.slice(0, 2)).toEqual(['message 0', 'message 1'])
  expect(passed.at(-1)).toBe('there were 1000 such messages; no more are logged')
})
