import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { databasePath, SettingError } from '../../src/cli/settings.ts'

describe('the database', () => {
  test.each([
    ['the fallback where nothing is set', {}, {}, 'fallback.db'],
    ['CQ_DB_PATH', {}, { CQ_DB_PATH: 'some where/100%.db' }, 'some where/100%.db'],
    ['a relative CQ_DATABASE_URL', {}, { CQ_DATABASE_URL: 'sqlite:///a/b.db' }, 'a/b.db'],
    ['an absolute CQ_DATABASE_URL', {}, { CQ_DATABASE_URL: 'sqlite:////a/b.db' }, '/a/b.db'],
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
    [{ CQ_DB_PATH: ' ' }, /CQ_DB_PATH must name a file, and is blank/],
    [{ CQ_DB_PATH: ':memory:' }, /CQ_DB_PATH must name a file: a database in memory/],
    [{ CQ_DATABASE_URL: 'sqlite:///:memory:' }, /CQ_DATABASE_URL must name a file/],
    [{ CQ_DATABASE_URL: 'sqlite:///' }, /CQ_DATABASE_URL must name a file, and is blank/],
    [{ CQ_DATABASE_URL: 'sqlite://' }, /CQ_DATABASE_URL must name a file/],
    [{ CQ_DATABASE_URL: 'sqlite://cq.db' }, /three slashes/],
    [{ CQ_DATABASE_URL: 'mysql://carol:secret@host/cq' }, /begins with mysql:/],
    [{ CQ_DATABASE_URL: 'carol:secret@host' }, /CQ_DATABASE_URL must be sqlite:/],
    [{ CQ_DATABASE_URL: '' }, /CQ_DATABASE_URL must be sqlite:/],
    [{ CQ_DATABASE_URL: 'postgresql://carol:secret@host/cq' }, /PostgreSQL/],
    [{ CQ_DATABASE_URL: 'postgresql+psycopg://carol:secret@host/cq' }, /PostgreSQL/],
  ])('is refused by %j, and no password is told', (environment, message) => {
    const refusal = catchError(() => databasePath({}, environment, 'fallback.db'))
    expect(refusal).toBeInstanceOf(SettingError)
    expect(refusal.message).toMatch(message)
    expect(refusal.message).not.toContain('secret')
  })
})

function catchError(work: () => unknown): Error {
  try {
    work()
  } catch (error) {
    return error as Error
  }
  throw new Error('it did not fail')
}
