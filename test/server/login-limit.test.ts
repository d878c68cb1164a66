import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LoginLimit } from '../../src/server/login-limit.ts'

test('within any minute, no more attempts are let pass than may fail', () => {
  const attempts = fc.array(fc.record({ pause: fc.nat(30_000), isForgiven: fc.boolean() }), {
    maxLength: 60,
  })
  fc.assert(
    fc.property(attempts, (attempts) => {
      const limit = new LoginLimit(4)
      const passed: number[] = []
      let now = 0
      for (const { pause, isForgiven } of attempts) {
        now += pause
        const seconds = limit.attempt('carol', now)
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
  const limit = new LoginLimit(1, 2)
  expect(limit.attempt('a', 0)).toBe(0)
  expect(limit.attempt('b', 1)).toBe(0)
  expect(limit.attempt('a', 2)).toBeGreaterThan(0)
  expect(limit.attempt('c', 3)).toBe(0)
  expect(limit.attempt('a', 4)).toBeGreaterThan(0)
  expect(limit.attempt('b', 5)).toBe(0)
})
