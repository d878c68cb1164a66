import { copyFile, readFile, writeFile } from 'node:fs/promises'
import Sqlite from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { operations, read } from '../../src/offload/index.ts'
import { execArgvFor } from '../../src/offload/operations-file.ts'
import { TemporaryDirectory } from '../sqlite/temporary-directory.ts'
import { liveThreads } from '../threads/live-threads.ts'
import { outcome } from '../threads/outcome.ts'
import { note, notesFile, opened, openNotes } from './open-notes.ts'

/** Every text in a database, whatever else is there. */
function textsIn(path: string): unknown[] {
  const sqlite = new Sqlite(path, { readonly: true })
  try {
    return sqlite.prepare('select text from notes order by id').pluck().all()
  } finally {
    sqlite.close()
  }
}

describe('opening', () => {
  it('sets a new file up, and takes one that is set up as it is', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('notes.db')
    for (const round of [1, 2]) {
      await using notes = await openNotes({ path, data: { greeting: `hello ${round}` } })
      expect(await notes.add(note(round))).toBe(round)
      expect(await notes.greeting()).toBe(`hello ${round}`)
    }
    const sqlite = new Sqlite(path)
    expect(sqlite.pragma('user_version', { simple: true })).toBe(2)
    sqlite.close()
  })

  it('takes only the steps of the schema that a file lacks', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('notes.db')
    const sqlite = new Sqlite(path)
    sqlite.exec(
      `create table notes (id integer primary key, tag text not null, text text not null);
       insert into notes values (7, 'old', 'old text'); pragma user_version = 1`,
    )
    sqlite.close()
    await using notes = await openNotes({ path })
    expect(await notes.find('old')).toEqual([{ id: 7, text: 'old text' }])
  })

  it('refuses a file with more steps than it knows, and changes nothing', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('notes.db')
    const sqlite = new Sqlite(path)
    sqlite.pragma('user_version = 3')
    sqlite.close()
    const before = await readFile(path)
    await expect(openNotes({ path })).rejects.toMatchObject({
      code: 'newer_schema',
      message: expect.stringContaining('has 3 steps of the schema, and this program knows 2'),
    })
    expect(await readFile(path)).toEqual(before)
    expect(await directory.list()).toEqual(['notes.db'])
    expect(liveThreads.size).toBe(0)
  })

  it('refuses what is no database, and a file that is missing where it may make none', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('notes.db')
    expect(await outcome(openNotes({ path, migrate: false }))).toBe('unavailable')
    await writeFile(
      path,
      'this is no database, but a text that is longer than its header would be'.repeat(9),
    )
    expect(await outcome(openNotes({ path }))).toBe('corrupt')
  })

  it('read-only sees what others write, writes nothing, and says what it lacks', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('notes.db')
    const sqlite = new Sqlite(path)
    sqlite.pragma('user_version = 1')
    sqlite.close()
    expect(await outcome(openNotes({ path, readOnly: true }))).toBe('migration_needed')
    await using writer = await openNotes({ path: directory.file('other.db') })
    await using reader = await openNotes({ path: directory.file('other.db'), readOnly: true })
    await writer.add(note(1))
    expect(await reader.count()).toBe(1)
    for (const call of [reader.add(note(2)), reader.vacuum(), reader.begin()])
      await expect(call).rejects.toMatchObject({ code: 'read_only' })
    await using snapshot = await reader.snapshot()
    expect(await snapshot.count()).toBe(1)
  })

  it('fails with what a hook throws, and leaves no thread', async () => {
    await using directory = await TemporaryDirectory.create()
    const opening = openNotes({ path: directory.file('notes.db'), data: { fails: true } })
    await expect(opening).rejects.toMatchObject({ code: 'failed', message: 'will not open' })
    expect(liveThreads.size).toBe(0)
  })
})

describe('options', () => {
  it.each([
    [{ path: ':memory:' }, /must name a file/],
    [{ path: '' }, /must name a file/],
    [{ path: undefined }, /path is missing/],
    [{ readers: 0 }, /readers must be an integer from 1 to 64/],
    [{ readers: 1.5 }, /readers must be/],
    [{ timeout: 2 ** 31 }, /timeout must be an integer from 1 to 2147483647/],
    [{ transactionTimeout: 0 }, /transactionTimeout/],
    [{ durability: 'most' }, /durability must be 'normal' or 'full'/],
    [{ log: console.log }, /log must be an object/],
    [{ reader: 3 }, /there is no option reader; there are path, /],
    [{ data: () => {} }, /data can't be sent to another thread/],
    [{ operations: './notes.js' }, /a URL or an absolute path/],
    [{ operations: new URL('https://example.org/notes.js') }, /operations must be a file/],
    [{ execArgv: '--import' }, /execArgv must be an array/],
  ])('are refused where they are wrong: %o', async (wrong, message) => {
    const opening = openNotes({ path: '/nowhere/notes.db', ...(wrong as object) })
    await expect(opening).rejects.toMatchObject({
      name: 'OffloadError',
      code: 'invalid',
      message: expect.stringMatching(message),
    })
  })
})

describe('an operations file', () => {
  async function openText(text: string, name = 'ops.mjs') {
    await using directory = await TemporaryDirectory.create()
    const operations = directory.file(name)
    await writeFile(operations, text)
    const notes = await openNotes({ path: directory.file('notes.db'), operations })
    await notes.close()
  }

  it('that is missing is named, with what to do where a bundler moved it', async () => {
    const operations = new URL('missing.ts', notesFile)
    await expect(openNotes({ path: '/nowhere/notes.db', operations })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/missing\.ts does not exist.*serverExternalPackages/),
    })
  })

  it.each([
    ['exports nothing', 'export const a = 1', /its default export must be made by operations/],
    ['exports something else', 'export default { add() {} }', /must be made by operations/],
    ['does not parse', 'export default {', /can't load .*ops\.mjs/],
    ['imports what is not there', "import './other.mjs'", /file extensions/],
  ])('that %s is refused, saying why', async (_, text, message) => {
    await expect(openText(text)).rejects.toThrow(message)
    expect(liveThreads.size).toBe(0)
  })

  it.each([
    ['has a name that is taken', { close: read(() => 1) }, /no operation can be called close/],
    ['is none', { add: () => 1 }, /add is no operation/],
    ['is nothing', { add: undefined }, /add is no operation/],
  ])('with an operation that %s is refused, saying why', (_, definitions, message) => {
    expect(() => operations(definitions as never)).toThrow(
      expect.objectContaining({ code: 'invalid', message: expect.stringMatching(message) }),
    )
  })

  it.runIf(process.features.typescript)(
    'in TypeScript that Node cannot run says what to set',
    async () => {
      await expect(openText('export enum A { B }', 'ops.ts')).rejects.toThrow(/'--import', 'tsx'/)
    },
  )

  it('is run by tsx where the process is', () => {
    const tsx = [
      '--require',
      '/a/tsx/dist/preflight.cjs',
      '--import',
      'file:///a/tsx/dist/loader.mjs',
    ]
    expect(execArgvFor(['/a/ops.ts'], ['--inspect', ...tsx])).toEqual(tsx)
    expect(execArgvFor(['/a/ops.js'], tsx)).toEqual([])
    const own = process.features.typescript ? [] : ['--import', 'tsx']
    expect(execArgvFor(['/a/ops.mts'], ['--inspect'])).toEqual(own)
  })
})

describe('a backup', () => {
  it('is the database as of one moment, while others write', async () => {
    await using directory = await TemporaryDirectory.create()
    const notes = await opened()
    await notes.addAll(Array.from({ length: 2_000 }, (_, number) => note(number)))
    let isOver = false
    const writing = (async () => {
      for (let number = 2_000; !isOver; number += 2)
        await notes.addAll([note(number), note(number + 1)])
    })()
    const path = directory.file('copy.db')
    await notes.backup(path)
    isOver = true
    await writing
    expect(await directory.list()).toEqual(['copy.db'])
    const texts = textsIn(path)
    expect(texts.length).toBeGreaterThanOrEqual(2_000)
    expect(texts.length % 2).toBe(0)
    expect(texts).toEqual(texts.map((_, number) => `text ${number}`))
  })

  it('replaces no file', async () => {
    await using directory = await TemporaryDirectory.create()
    const notes = await opened()
    const path = directory.file('copy.db')
    await copyFile(import.meta.filename, path)
    await expect(notes.backup(path)).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining(path),
    })
    expect(await readFile(path)).toEqual(await readFile(import.meta.filename))
    expect(await outcome(notes.backup('/proc/copy.db'))).toBe('unavailable')
  })
})

describe('a database', () => {
  it('tells its sizes, its connections, and that it works', async () => {
    const notes = await opened()
    await notes.add(note(1))
    expect((await notes.fileSizes()).database).toBeGreaterThan(0)
    expect(await notes.health()).toBeUndefined()
    expect(notes.figures.connections.map(({ access }) => access)).toEqual(['write', 'read', 'read'])
    expect(notes.figures.write).toMatchObject({ calls: 1, waiting: 0, underWay: 0 })
  })

  it('flushes every group of writes where that is asked for', async () => {
    const notes = await opened({ durability: 'full', cacheSize: 1_024, mmapSize: 4_096 })
    expect(notes.figures.connections[0]?.pragmas).toMatchObject({
      synchronous: 2,
      cache_size: -1_024,
      mmap_size: 4_096,
    })
  })

  it('leaves no trace of what was deleted so', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('notes.db')
    await using notes = await openNotes({ path })
    await notes.add({ tag: 'secret', text: 'nobody may read this' })
    await notes.erase('secret')
    for (const name of await directory.list())
      expect((await readFile(directory.file(name))).includes('nobody may read this')).toBe(false)
  })
})
