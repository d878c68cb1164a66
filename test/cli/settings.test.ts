import { resolve } from 'node:path'
import { InvalidArgumentError } from 'commander'
import fastify from 'fastify'
import { describe, expect, test } from 'vitest'
import { unsetBlankVariables } from '../../src/cli/blank-settings.ts'
import { databasePath, parseNetworks, SettingError } from '../../src/cli/settings.ts'
import { runCommand } from './command.ts'

describe('the database', () => {
  test.each([
    ['the fallback where nothing is set', {}, {}, 'fallback.db'],
    ['CQ_DB_PATH', {}, { CQ_DB_PATH: 'some where/100%.db' }, 'some where/100%.db'],
    ['a relative CQ_DATABASE_URL', {}, { CQ_DATABASE_URL: 'sqlite:///a/b.db' }, 'a/b.db'],
    ['an absolute CQ_DATABASE_URL', {}, { CQ_DATABASE_URL: 'sqlite:////a/b.db' }, '/a/b.db'],
    [
      'what a URL says, to the letter, as the reference server takes it',
      {},
      { CQ_DATABASE_URL: 'sqlite:///a%20b#c.db' },
      'a%20b#c.db',
    ],
    ['a path with a question mark', { dbPath: 'what?.db' }, {}, 'what?.db'],
    [
      'CQ_DATABASE_URL rather than CQ_DB_PATH',
      {},
      { CQ_DATABASE_URL: 'sqlite:///url.db', CQ_DB_PATH: 'path.db' },
      'url.db',
    ],
    [
      '--db-path rather than the environment',
      { dbPath: 'flag.db' },
      { CQ_DB_PATH: 'path.db' },
      'flag.db',
    ],
    [
      '--db-path rather than a URL of the environment',
      { dbPath: 'flag.db' },
      { CQ_DATABASE_URL: 'sqlite:///url.db' },
      'flag.db',
    ],
    [
      '--database-url rather than --db-path',
      { databaseUrl: 'sqlite:///url.db', dbPath: 'flag.db' },
      {},
      'url.db',
    ],
  ])('is %s', (_name, flags, environment, expected) => {
    expect(databasePath(flags, environment, 'fallback.db')).toBe(resolve(expected))
  })

  test.each([
    [{ CQ_DB_PATH: ':memory:' }, /CQ_DB_PATH must name a file: a database in memory/],
    [{ CQ_DB_PATH: 'sqlite:////a/cq.db' }, /CQ_DB_PATH must be the path of a file, and not a URL/],
    [{ CQ_DB_PATH: 'file:cq.db?mode=ro' }, /CQ_DB_PATH must be the path of a file, and not a URL/],
    [{ CQ_DATABASE_URL: 'sqlite:///:memory:' }, /CQ_DATABASE_URL must name a file/],
    [{ CQ_DATABASE_URL: 'sqlite:///' }, /CQ_DATABASE_URL must name a file, and is blank/],
    [{ CQ_DATABASE_URL: 'sqlite://' }, /CQ_DATABASE_URL must name a file/],
    [{ CQ_DATABASE_URL: 'sqlite://cq.db' }, /three slashes/],
    [{ CQ_DATABASE_URL: 'mysql://carol:secret@host/cq' }, /begins with mysql:/],
    [{ CQ_DATABASE_URL: 'carol:secret@host' }, /CQ_DATABASE_URL must be sqlite:/],
    [{ CQ_DATABASE_URL: 'sqlite:////a/cq.db?timeout=secret' }, /CQ_DATABASE_URL .* query string/],
    [{ CQ_DATABASE_URL: 'sqlite:///cq.db?' }, /CQ_DATABASE_URL .* query string/],
    [{ CQ_DATABASE_URL: 'postgresql://carol:secret@host/cq' }, /PostgreSQL/],
    [{ CQ_DATABASE_URL: 'postgresql+psycopg://carol:secret@host/cq' }, /PostgreSQL/],
  ])('is refused by %j, and no password is told', (environment, message) => {
    const refusal = catchError(() => databasePath({}, environment, 'fallback.db'))
    expect(refusal).toBeInstanceOf(SettingError)
    expect(refusal.message).toMatch(message)
    expect(refusal.message).not.toContain('secret')
  })
})

test('proxies are addresses, networks, and names that Fastify knows', () => {
  const networks = [
    '10.0.0.1',
    '10.1.0.0/16',
    '0.0.0.0/1',
    '::1',
    'FD00::/8',
    '::ffff:10.0.0.1/128',
  ]
  const names = ['loopback', 'linklocal', 'uniquelocal']
  const all = [...networks, ...names]
  expect(parseNetworks(all.join(' , '))).toEqual(all)
  // The same ones start a server.
  expect(() => fastify({ trustProxy: all })).not.toThrow()
})

test.each([
  'abc',
  '10.0.0',
  '10.0.0.0/33',
  '10.0.0.0/0',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  '10.0.0.0/255.0.0.0',
  'fd00::/129',
  'localhost',
  '',
])('%j is no proxy, and is named', (network) => {
  const refusal = catchError(() => parseNetworks(`127.0.0.1,${network}`))
  expect(refusal).toBeInstanceOf(InvalidArgumentError)
  expect(refusal.message).toMatch(new RegExp(`^'${network}' is none of these`))
})

test('a blank variable of cq is unset, whichever it is', () => {
  const environment = { CQ_HOST: '', CQ_DATABASE_URL: ' \t', CQ_ANY: '\n', CQ_PORT: '0', OTHER: '' }
  unsetBlankVariables(environment)
  expect(environment).toEqual({ CQ_PORT: '0', OTHER: '' })
})

test.each([
  [['serve', '--host', ''], /'--host <address>' argument '' is invalid. it must not be blank/],
  [['serve', '--log-level='], /'--log-level <level>' .*it must not be blank/],
  [['check', '--db-path', ' '], /'--db-path <path>' .*it must not be blank/],
  [['export', '--database-url', ''], /'--database-url <url>' .*it must not be blank/],
  [['backup', ''], /argument 'destination'. it must not be blank/],
])('%j is refused', async (args, message) => {
  const { code, stdout, stderr } = await runCommand({ args })
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
  expect(stderr).toMatch(message)
})

function catchError(work: () => unknown): Error {
  try {
    work()
  } catch (error) {
    return error as Error
  }
  throw new Error('it did not fail')
}
