import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import Sqlite from 'better-sqlite3'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { internalOptions } from '../../src/internals.ts'
import type { SqliteStoreOptions } from '../../src/sqlite/options.ts'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { liveThreads } from '../threads/live-threads.ts'
import { arrange } from '../threads/mishap.ts'
import { failureOf } from '../threads/outcome.ts'
import { openSteered } from './steered-store.ts'
import { ordinaryUnits } from './steered-units.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

afterEach(() => {
  arrange({})
  expect(liveThreads.size).toBe(0)
})

/** How opening fails, once it is seen that no thread is left by then. */
async function failureOfOpening(options: SqliteStoreOptions) {
  const failure = await failureOf(SqliteStore.open({ readers: 1, ...options }))
  expect(liveThreads.size).toBe(0)
  return failure
}

/** The bytes of a database with some units in it, in as many pages as that takes. */
async function databaseBytes(): Promise<Buffer> {
  await using directory = await TemporaryDirectory.create()
  const path = directory.file('cq.db')
  const store = await SqliteStore.open({ path, readers: 1 })
  await store.insertMany(ordinaryUnits(50))
  await store.close()
  return await readFile(path)
}

describe('opening a store', () => {
  it('makes the file and its directory, and finds what an earlier store left there', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('not', 'yet', 'there', 'cq.db')
    const units = ordinaryUnits(3)
    const first = await SqliteStore.open({ path, readers: 1 })
    await first.insertMany(units)
    await first.close()
    await using second = await SqliteStore.open({ path, readers: 1 })
    for (const unit of units) expect(await second.getAny(unit.id)).toEqual(unit)
  })
})

describe('a path that names no file', () => {
  it.each([
    ['a database in memory', ':memory:'],
    ['nothing', ''],
    ['blanks', ' \t '],
    ['something with a NUL in it', 'cq\0.db'],
  ])('is refused as invalid: %s', async (_, path) => {
    expect((await failureOfOpening({ path })).code).toBe('invalid')
  })

  it('is refused as unavailable: one below a file', async () => {
    await using directory = await TemporaryDirectory.create()
    await writeFile(directory.file('file'), 'no directory')
    const failure = await failureOfOpening({ path: directory.file('file', 'cq.db') })
    expect(failure.code).toBe('unavailable')
    expect(failure.message).toContain('cannot be made')
  })

  // Where Node's own way to make a directory with all above it never ends.
  it.runIf(existsSync('/proc/self'))('is refused as unavailable: one in /proc', async () => {
    for (const path of ['/proc/x/cq.db', '/proc/x/y/z/cq.db']) {
      const failure = await failureOfOpening({ path })
      expect(failure.code).toBe('unavailable')
      expect(failure.message).toContain('/proc/x')
      expect(failure.message).toContain('cannot be made')
    }
  })

  it('is refused as unavailable: a directory', async () => {
    await using directory = await TemporaryDirectory.create()
    await mkdir(directory.file('cq.db'))
    expect((await failureOfOpening({ path: directory.file('cq.db') })).code).toBe('unavailable')
  })
})

describe('a damaged file', () => {
  let whole: Buffer
  beforeAll(async () => {
    whole = await databaseBytes()
  })

  it('is refused as corrupt where it is no database at all, and stays as it is', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    const bytes = randomBytes(10_000)
    await writeFile(path, bytes)
    expect((await failureOfOpening({ path })).code).toBe('corrupt')
    expect(await readFile(path)).toEqual(bytes)
    expect(await directory.list()).toEqual(['cq.db'])
  })

  it.each<[string, (bytes: Buffer) => Buffer]>([
    ['all but its header is garbage', (bytes) => withGarbage(bytes, 100)],
    ['all but its first page is garbage', (bytes) => withGarbage(bytes, 4_096)],
    ['its end is missing', (bytes) => bytes.subarray(0, 6_000)],
    ['all but the beginning of its header is missing', (bytes) => bytes.subarray(0, 50)],
  ])('is refused as corrupt where %s', async (_, damage) => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    await writeFile(path, damage(whole))
    expect((await failureOfOpening({ path })).code).toBe('corrupt')
  })
})

function withGarbage(bytes: Buffer, from: number): Buffer {
  return Buffer.concat([bytes.subarray(0, from), Buffer.alloc(bytes.length - from, 0xa5)])
}

describe('a file that another program has locked', () => {
  it('is refused as unavailable once the time for waiting is over', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    const other = new Sqlite(path)
    other.exec('begin exclusive')
    const failure = await failureOfOpening({ path, busyTimeout: 50 })
    expect(failure.code).toBe('unavailable')
    expect(failure.message).toContain('locked')
    other.close()
    await using store = await SqliteStore.open({ path, readers: 1 })
    expect(await store.count()).toBe(0)
  })
})

describe('a worker that cannot start', () => {
  it('fails opening where its file is missing', async () => {
    await using directory = await TemporaryDirectory.create()
    const operationsFile = new URL('workers/missing.ts', import.meta.url)
    const failure = await failureOfOpening({
      path: directory.file('cq.db'),
      ...internalOptions({ operationsFile }),
    })
    expect(failure.code).toBe('unavailable')
    expect(failure.message).toContain('missing.ts does not exist')
    expect(failure.message).toContain('keep the package external')
  })

  it.each([
    ['load write', 'throw'],
    ['open write', 'exit'],
    ['load read', 'exit'],
    ['open read', 'refuse'],
  ] as const)('fails opening (%s: %s)', async (stage, mishap) => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    arrange({ [stage]: mishap })
    expect((await failureOf(openSteered({ path, readers: 1 }))).code).toBe('unavailable')
    expect(liveThreads.size).toBe(0)
  })
})

describe('options out of range', () => {
  const wrong: Record<string, readonly unknown[]> = {
    path: [undefined, null, 7, ['cq.db']],
    readers: [0, -1, 65, 1.5, Number.NaN, '2', null],
    durability: ['', 'FULL', 'off', 1],
    maxQueue: [0, -1, 0.5, Number.POSITIVE_INFINITY, '10'],
    timeout: [0, -1, 2 ** 31, 1.5, Number.POSITIVE_INFINITY, '1'],
    busyTimeout: [-1, 2 ** 31, 0.5, '5'],
    cacheSize: [0, -1, 2 ** 31, 1.5, '1'],
    mmapSize: [-1, 0.5, '0', Number.POSITIVE_INFINITY],
    readOnly: [null, 'true', 1],
    migrate: [null, 'false', 0],
    // Which there are not, or are spelt otherwise.
    reader: [1, undefined],
    readonly: [true],
    busy_timeout: [5],
  }

  it.each(
    Object.entries(wrong).flatMap(([name, values]) =>
      values.map((value) => [name, value] as const),
    ),
  )('are refused as invalid, by name: %s = %j', async (name, value) => {
    await using directory = await TemporaryDirectory.create()
    const options = { path: directory.file('cq.db'), [name]: value }
    const failure = await failureOfOpening(options as SqliteStoreOptions)
    expect(failure.code).toBe('invalid')
    expect(failure.message).toContain(name)
    expect(await directory.list()).toEqual([])
  })

  it('are none where they are undefined', async () => {
    await using directory = await TemporaryDirectory.create()
    await using store = await SqliteStore.open({
      path: directory.file('cq.db'),
      readOnly: undefined,
      migrate: undefined,
      readers: undefined,
      durability: undefined,
      maxQueue: undefined,
      timeout: undefined,
      busyTimeout: undefined,
      cacheSize: undefined,
      mmapSize: undefined,
      log: undefined,
    })
    expect(await store.count()).toBe(0)
    const { pragmas } = store.figures.connections[0] ?? expect.fail()
    expect(pragmas).toMatchObject({ cache_size: -16_384, busy_timeout: 5_000, synchronous: 1 })
  })

  it.each([undefined, null, 'cq.db'])(
    'are refused as invalid where there are none: %j',
    async (none) => {
      const failure = await failureOf(SqliteStore.open(none as unknown as SqliteStoreOptions))
      expect(failure.code).toBe('invalid')
    },
  )
})
