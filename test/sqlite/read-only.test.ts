import { execFile, execFileSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { operations } from '../../src/operations/index.ts'
import { migrations } from '../../src/sqlite/migrations/index.ts'
import type { SqliteStoreOptions } from '../../src/sqlite/options.ts'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { callUntyped, goodArguments, storeMethods } from '../store/contract/arguments.ts'
import { failure } from '../store/contract/failure.ts'
import { RecordedLog } from '../threads/recorded-log.ts'
import {
  copyOf,
  footprintOf,
  migrateFile,
  newPath,
  onDatabase,
} from './migrations/database-file.ts'
import { ordinaryUnits } from './steered-units.ts'
import { TemporaryDirectory } from './temporary-directory.ts'
import { bound, canBind, withModes } from './without-rights.ts'

/** A database of the newest schema with this many units in it. */
async function filled(count = 3): Promise<string> {
  const path = newPath()
  await using store = await SqliteStore.open({ path, readers: 1 })
  await store.insertMany(ordinaryUnits(count))
  return path
}

/** A copy of a database as a machine leaves it that loses its power: the units are in its log only. */
async function crashed(count = 3, parts = ['', '-wal']): Promise<string> {
  const [path, copy] = [newPath(), newPath()]
  await using store = await SqliteStore.open({ path, readers: 1 })
  await store.insertMany(ordinaryUnits(count))
  for (const end of parts) copyFileSync(path + end, copy + end)
  return copy
}

function openToRead(path: string, more: Partial<SqliteStoreOptions> = {}): Promise<SqliteStore> {
  return SqliteStore.open({ path, readOnly: true, readers: 2, ...more })
}

const bytesOf = (path: string) => readFileSync(path).toString('base64')

describe('a store that is opened read only', () => {
  it('reads what is there, and leaves the file and its directory as they were', async () => {
    const path = await filled()
    chmodSync(path, 0o444)
    const before = footprintOf(path)
    {
      await using store = await openToRead(path)
      const [unit] = ordinaryUnits(1)
      expect(await store.getAny(unit?.id ?? '')).toEqual(unit)
      expect(await store.count()).toBe(3)
      expect(store.figures.connections.map(({ access }) => access)).toEqual(['read', 'read'])
      expect((await store.fileSizes()).database).toBe(readFileSync(path).length)
    }
    expect(footprintOf(path)).toEqual(before)
  })

  it('reads a file without a write-ahead log, which stays so', async () => {
    const path = await filled()
    onDatabase(path, (db) => db.pragma('journal_mode = delete'))
    const before = footprintOf(path)
    {
      await using store = await openToRead(path)
      expect(await store.count()).toBe(3)
      expect(footprintOf(path)).toEqual(before)
    }
    expect(footprintOf(path)).toEqual(before)
  })

  it('reads what a crash left in the write-ahead log, and leaves it there', async () => {
    const path = await crashed()
    const before = [bytesOf(path), bytesOf(`${path}-wal`)]
    {
      await using store = await openToRead(path)
      expect(await store.count()).toBe(3)
    }
    expect([bytesOf(path), bytesOf(`${path}-wal`)]).toEqual(before)
  })

  it('refuses every write as read_only, and tells the log of none', async () => {
    const path = await filled()
    const log = new RecordedLog()
    await using store = await openToRead(path, { log })
    const writes = storeMethods.filter(
      (method) => method !== 'asText' && operations[method].kind === 'write',
    )
    expect(writes).toHaveLength(24)
    for (const method of writes) {
      const call = callUntyped(store, method, goodArguments[method])
      if (method === 'touchApiKeyLastUsed') expect(await call).toBeUndefined()
      else expect(await failure('read_only', call)).toContain(`${method} was not done`)
    }
    const confirm = store.asText('public', 'confirm', ordinaryUnits(1)[0]?.id ?? '')
    await failure('read_only', confirm)
    expect(log.entries).toEqual([])
  })

  it.each(['the writer', 'the reader'])(
    'sees what others write meanwhile; nothing is left behind where %s ends first',
    async (first) => {
      const path = await filled()
      const reader = await openToRead(path)
      const writer = await SqliteStore.open({ path, readers: 1 })
      await writer.insertMany(ordinaryUnits(2, 0x2000))
      expect(await reader.count()).toBe(5)
      const [one, other] = first === 'the writer' ? [writer, reader] : [reader, writer]
      await one.close()
      await other.close()
      expect(footprintOf(path).files).toEqual(['cq.db'])
      await using again = await openToRead(path)
      expect(await again.count()).toBe(5)
    },
  )

  it('makes neither a file nor a directory', async () => {
    await using directory = await TemporaryDirectory.create()
    for (const names of [['cq.db'], ['below', 'cq.db']]) {
      const message = await failure('unavailable', openToRead(directory.file(...names)))
      expect(message).toContain('there is no database at')
    }
    expect(await directory.list()).toEqual([])
  })

  it('takes nothing that is no file', async () => {
    await using directory = await TemporaryDirectory.create()
    mkdirSync(directory.file('directory'))
    await failure('unavailable', openToRead(directory.file('directory')))
    if (process.platform === 'win32') return
    execFileSync('mkfifo', [directory.file('pipe')])
    await failure('unavailable', openToRead(directory.file('pipe')))
  })
})

describe('a file that lacks steps', () => {
  const lacking: [name: string, path: () => string, step: string][] = [
    ['the reference server', () => copyOf('current'), migrations[0]?.name ?? ''],
    ['a release before revisions', () => copyOf('first'), 'reference schema 0001'],
    ['an older cq-store', olderFile, migrations.at(-1)?.name ?? ''],
  ]

  it.each(
    lacking.flatMap(([name, path, step]) => [
      [name, { readOnly: true }, path, step] as const,
      [name, { migrate: false }, path, step] as const,
    ]),
  )('of %s is refused with %j, and stays as it is', async (_, options, make, step) => {
    const path = make()
    const before = footprintOf(path)
    const call = SqliteStore.open({ path, readers: 1, ...options })
    const message = await failure('migration_needed', call)
    expect(message).toContain(step)
    expect(message).toContain('cq-store migrate')
    expect(footprintOf(path)).toEqual(before)
  })

  function olderFile(): string {
    const path = copyOf('current')
    migrateFile(path)
    const [last] = migrations.slice(-1)
    onDatabase(path, (db) =>
      db.prepare('delete from cq_store_migrations where name = ?').run(last?.name),
    )
    return path
  }
})

describe('a store that is opened to take no steps', () => {
  it('reads and writes a file that needs none', async () => {
    const path = await filled()
    await using store = await SqliteStore.open({ path, migrate: false, readers: 1 })
    await store.insertMany(ordinaryUnits(1, 0x2000))
    expect(await store.count()).toBe(4)
  })

  it('makes neither a file nor a directory', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('below', 'cq.db')
    await failure('unavailable', SqliteStore.open({ path, migrate: false }))
    expect(await directory.list()).toEqual([])
  })
})

const program = fileURLToPath(new URL('./processes/reading.ts', import.meta.url))

describe.runIf(canBind(program))('a process that may not write, to a store read only,', () => {
  /** What it tells of the file, and what it leaves in the directory for temporary files. */
  async function read(path: string, file: number, directory: number) {
    await using temporary = await TemporaryDirectory.create()
    chmodSync(temporary.path, 0o777)
    const env = { ...process.env, TMPDIR: temporary.path, NODE_NO_WARNINGS: '1' }
    const { stdout } = await withModes(path, { file, directory }, () =>
      promisify(execFile)(process.execPath, [program, path], { ...bound, env }),
    )
    expect(readdirSync(temporary.path)).toEqual([])
    return stdout
  }

  const copied = /^found 3\n.*: a private copy of its present state is read\n$/
  const modes: [name: string, make: () => Promise<string>, file: number, directory: number][] = [
    ['the file', () => filled(), 0o444, 0o777],
    ['the directory', () => filled(), 0o666, 0o555],
    ['either', () => filled(), 0o444, 0o555],
    ['either, of which a crash left the log', () => crashed(), 0o444, 0o555],
  ]

  it.each(modes)('reads a copy where that is %s', async (_, make, file, directory) => {
    const path = await make()
    const before = footprintOf(path)
    expect(await read(path, file, directory)).toMatch(copied)
    expect(footprintOf(path)).toEqual(before)
  })

  it('reads the file itself where it has no write-ahead log', async () => {
    const path = await filled()
    onDatabase(path, (db) => db.pragma('journal_mode = delete'))
    expect(await read(path, 0o444, 0o555)).toBe('found 3\n')
  })

  it('reads the file itself where a crash left the log and its index', async () => {
    const path = await crashed(3, ['', '-wal', '-shm'])
    const before = footprintOf(path)
    for (const end of ['-wal', '-shm']) chmodSync(path + end, 0o444)
    expect(await read(path, 0o444, 0o555)).toBe('found 3\n')
    expect(footprintOf(path)).toEqual(before)
  })

  it('reads the file itself while another process writes', async () => {
    const path = await filled()
    await using store = await SqliteStore.open({ path, readers: 1 })
    await store.insertMany(ordinaryUnits(2, 0x2000))
    for (const end of ['-wal', '-shm']) chmodSync(path + end, 0o444)
    expect(await read(path, 0o444, 0o555)).toBe('found 5\n')
    await store.insertMany(ordinaryUnits(1, 0x3000))
    expect(await store.count()).toBe(6)
  })

  it('is told where it may not read either', async () => {
    const path = await filled()
    expect(await read(path, 0o000, 0o555)).toMatch(
      /^unavailable: the database .* cannot be read: EACCES/,
    )
  })
})

const canMount =
  process.platform === 'linux' && process.getuid?.() === 0 && tries('mount', ['--version'])

function tries(command: string, args: readonly string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

describe('a file on a read-only medium', () => {
  it.for<[string, () => Promise<string>]>([
    ['closed well', () => filled()],
    ['left by a crash', () => crashed()],
  ])('is read, %s', async ([, make], { skip }) => {
    const path = await make()
    const directory = dirname(path)
    const mounted = join(dirname(directory), `mounted-${Math.random().toString(36).slice(2)}`)
    mkdirSync(mounted)
    if (!canMount || !tries('mount', ['--bind', '-o', 'ro', directory, mounted]))
      return skip('nothing can be mounted here')
    try {
      const log = new RecordedLog()
      await using store = await openToRead(join(mounted, 'cq.db'), { log })
      expect(await store.count()).toBe(3)
      expect(log.messages('warn')).toHaveLength(1)
      await failure('unavailable', SqliteStore.open({ path: join(mounted, 'cq.db') }))
    } finally {
      execFileSync('umount', [mounted])
    }
  })
})
