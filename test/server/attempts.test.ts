import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Attempts } from '../../src/server/attempts.ts'

function attempt(attempts: Attempts, name: string, now: number): number {
  const seconds = attempts.wait(name, now)
  if (seconds === 0) attempts.note(name, now)
  return seconds
}

test('within any minute, no more attempts are let pass than may fail', () => {
  const attempts = fc.array(fc.record({ pause: fc.nat(30_000), isForgiven: fc.boolean() }), {
    maxLength: 60,
  })
  fc.assert(
    fc.property(attempts, (attempts) => {
      const limit = new Attempts(4)
      const passed: number[] = []
      let now = 0
      for (const { pause, isForgiven } of attempts) {
        now += pause
        const seconds = attempt(limit, 'carol', now)
        const recent = passed.filter((at) => at > now - 60_000)
        expect(seconds === 0).toBe(recent.length < 4)
        if (seconds > 0) {
          expect(seconds).toBe(Math.ceil(((recent[0] as number) + 60_000 - now) / 1000))
        } else if (isForgiven) limit.forgive('carol', now)
        else passed.push(now)
      }
    }),
  )
})

test('forgetting keeps those who tried last', () => {
  const limit = new Attempts(1, 2)
  expect(attempt(limit, 'a', 0)).toBe(0)
  expect(attempt(limit, 'b', 1)).toBe(0)
  expect(attempt(limit, 'a', 2)).toBeGreaterThan(0)
  expect(attempt(limit, 'c', 3)).toBe(0)
  expect(attempt(limit, 'a', 4)).toBeGreaterThan(0)
  expect(attempt(limit, 'b', 5)).toBe(0)
})
