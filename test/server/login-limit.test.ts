import { expect, test } from 'vitest'
import { LoginLimit, networkOf } from '../../src/server/login-limit.ts'

let now = 0
const clock = () => now
const makeLimit = () => new LoginLimit({ failures: 2, now: clock })

/** How many of so many wrong logins are let pass. */
function passed(limit: LoginLimit, names: readonly string[], ips: readonly string[]): number {
  const attempts = names.flatMap((name) => ips.map((ip) => limit.attempt(name, ip)))
  return attempts.filter(({ seconds }) => seconds === 0).length
}
const many = (count: number, of: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => of(index))
const name = (index: number) => `user-${index}`
const address = (index: number) => `10.0.0.${index}`

test('a name from one address may fail as often as is said', () => {
  expect(passed(makeLimit(), Array(9).fill('carol'), ['10.0.0.1'])).toBe(2)
})

test('an address may fail five times as often, whatever names it tries', () => {
  const limit = makeLimit()
  expect(passed(limit, many(40, name), ['10.0.0.1'])).toBe(10)
  expect(limit.attempt('carol', '10.0.0.2').seconds).toBe(0)
})

test('all that one client has of IPv6 is one address', () => {
  const ips = many(40, (index) => `2001:db8:1:2:${index}::1`)
  expect(passed(makeLimit(), many(40, name), ips.slice(0, 1))).toBe(10)
  const limit = makeLimit()
  for (const [index, ip] of ips.entries())
    expect(limit.attempt(name(index), ip).seconds > 0).toBe(index >= 10)
})

test('a name may fail ten times as often, from whatever addresses', () => {
  expect(passed(makeLimit(), ['carol'], many(40, address))).toBe(20)
})

test('who logged in from there within a day is locked out by no others', () => {
  const limit = makeLimit()
  const first = limit.attempt('carol', '10.0.0.1')
  first.forgive('right')
  passed(limit, many(40, name), ['10.0.0.1'])
  passed(
    limit,
    ['carol'],
    many(40, (index) => address(100 + index)),
  )
  expect(limit.attempt('dave', '10.0.0.1').seconds).toBeGreaterThan(0)
  expect(limit.attempt('carol', '10.0.0.9').seconds).toBeGreaterThan(0)
  const known = limit.attempt('carol', '10.0.0.1')
  expect(known).toMatchObject({ seconds: 0 })
  // Nor does their password wait behind those of others.
  expect(known.waiter).not.toBe(limit.attempt('dave', '10.0.0.1').waiter)
  expect(passed(limit, Array(9).fill('carol'), ['10.0.0.1'])).toBe(1)
})

test('what nobody can tell does not count', () => {
  const limit = makeLimit()
  for (let round = 0; round < 50; round++) {
    const { seconds, forgive } = limit.attempt('carol', '10.0.0.1')
    expect(seconds).toBe(0)
    forgive('unknown')
  }
})

test('after a minute it may be tried again', () => {
  const limit = makeLimit()
  passed(limit, Array(9).fill('carol'), ['10.0.0.1'])
  now += 20_000
  expect(limit.attempt('carol', '10.0.0.1').seconds).toBe(40)
  now += 40_000
  expect(limit.attempt('carol', '10.0.0.1').seconds).toBe(0)
})

test.each([
  ['127.0.0.1', '127.0.0.1'],
  ['::ffff:127.0.0.1', '127.0.0.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:DB8:1:2::6', '2001:db8:1:2'],
  ['2001:db8::6', '2001:db8:0:0'],
  ['::1', '0:0:0:0'],
  ['::', '0:0:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
  ['2001:db8:1:2::', '2001:db8:1:2'],
  ['no address', 'no address'],
])('%s is of the network %s', (ip, network) => {
  expect(networkOf(ip)).toBe(network)
})
