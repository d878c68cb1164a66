import { workerData } from 'node:worker_threads'
import {
  type Database,
  indexedRead,
  longRead,
  maintenance,
  operations,
  read,
  stream,
  write,
} from '../../src/offload/index.ts'
import { Latch } from '../threads/latch.ts'
import { suffer } from '../threads/mishap.ts'
import { Tally } from '../threads/tally.ts'

// Operations on a schema that is not cq's. Some wait at a latch, or die, so that tests know where they are.

const { access } = workerData as { readonly access: string }
suffer('load', access)

// An error of its own, outside of any task: what kills a worker that has nothing to do.
Tally.find(`deaths of ${access}`)
  ?.woken()
  .then(() => {
    throw new Error('died idle')
  })

export interface Note {
  readonly tag: string
  readonly text: string
}

function add(db: Database, { tag, text }: Note): number {
  const insert = db.prepare('insert into notes (tag, text) values (?, ?)')
  return Number(insert.run(tag, text).lastInsertRowid)
}

function count(db: Database): number {
  return db.prepare('select count(*) from notes').pluck<number>().get() ?? 0
}

export default operations(
  {
    add: write(add),
    addAll: write((db, notes: readonly Note[]) => notes.map((note) => add(db, note))),
    /** Changes something, and fails. */
    addAndFail: write((db, note: Note, message: string) => {
      add(db, note)
      throw new Error(message)
    }),
    addAndThrow: write((db, note: Note, thrown: unknown): void => {
      add(db, note)
      if (thrown !== 'unreadable') throw thrown
      throw Object.defineProperty(new Error(), 'code', {
        get() {
          throw new Error('not to be read')
        },
      })
    }),
    /** Stops at the latch `write` before it returns. */
    addAndWait: write((db, note: Note) => {
      const id = add(db, note)
      Latch.wait('write')
      return id
    }),
    addAndDie: write((db, note: Note): number => {
      add(db, note)
      process.exit(3)
    }),
    /** Fails with a code of its own. */
    refuse: write((_, code: string): void => {
      throw Object.assign(new Error('refused'), { code })
    }),
    exec: write((db, sql: string) => db.exec(sql)),
    run: write((db, sql: string) => db.prepare(sql).run().changes),
    runAndFail: write((db, sql: string): void => {
      db.prepare(sql).run()
      throw new Error('on purpose')
    }),
    setAndFail: write((db, version: number): void => {
      db.pragma(`user_version = ${version}`)
      throw new Error('on purpose')
    }),
    /** Goes on after a statement by which SQLite rolled everything back. */
    goOn: write((db, sql: string) => {
      try {
        db.prepare(sql).run()
      } catch {}
      db.prepare("insert into notes (tag, text) values ('went on', '')").run()
    }),
    version: read((db) => db.pragma('user_version')),
    erase: write((db, tag: string) => {
      db.prepare('delete from notes where tag = ?').run(tag)
      db.leaveNoTrace()
    }),
    find: read((db, tag: string) =>
      db.prepare<{ id: number; text: string }>('select id, text from notes where tag = ?').all(tag),
    ),
    count: read(count),
    countTwice: read((db) => {
      const before = count(db)
      Latch.wait('read')
      return [before, count(db)]
    }),
    countAfterWaiting: longRead((db) => {
      Latch.wait('long read')
      return count(db)
    }),
    dieReading: read((): number => process.exit(3)),
    /** Dies the first time. */
    dieOnce: read((db): number => {
      const exits = Tally.find('exits')
      if (exits?.value === 0) {
        exits.add()
        process.exit(3)
      }
      return count(db)
    }),
    echo: read((_, value: unknown) => value),
    echoToWriter: write((_, value: unknown) => value),
    describe: read(
      (_, value: unknown) => Object.prototype.toString.call(value) + Buffer.isBuffer(value),
    ),
    giveFunction: write((db, note: Note): unknown => {
      add(db, note)
      return () => {}
    }),
    notice: read((db, message: string) => db.notice(message)),
    leaveOpen: read((db) => {
      for (const row of db.prepare('select id from notes').iterate()) return row
      return undefined
    }),
    returnIterator: read((db): unknown => db.prepare('select id from notes').iterate()),
    writeByRead: read((db) => db.prepare("insert into notes (tag, text) values ('a', 'b')").run()),
    numbers: stream(function* (_, most: number) {
      for (let number = 0; number < most; number++) yield number
    }),
    texts: stream((db) =>
      db.prepare('select text from notes order by id').pluck<string>().iterate(),
    ),
    /** By the very statement of `texts`. */
    allTexts: read((db) => db.prepare('select text from notes order by id').pluck<string>().all()),
    failingStream: stream(function* () {
      yield 1
      throw new Error('no more')
    }),
    vacuum: maintenance((db) => db.exec('vacuum')),
    mode: maintenance((db) => db.pragma('journal_mode')),
    shout: read((db, text: string) => db.prepare('select shout(?)').pluck<string>().get(text)),
    greeting: read((db) => db.prepare('select text from greeting').pluck<string>().get()),
    total: indexedRead((_, index: { readonly count: number }) => index.count),
  },
  {
    connect(db, { data }) {
      suffer('open', access)
      db.function('shout', (text: string) => text.toUpperCase(), { deterministic: true })
      if ((data as { readonly fails?: boolean } | undefined)?.fails)
        throw new Error('will not open')
    },
    disconnect: () => suffer('close', access),
    setup(db, { data }) {
      const { greeting = 'hello' } = (data ?? {}) as { readonly greeting?: string }
      db.exec('create table if not exists greeting (text text)')
      db.exec('delete from greeting')
      db.prepare('insert into greeting values (?)').run(greeting)
    },
    migrations: [
      'create table notes (id integer primary key, tag text not null, text text not null)',
      (db) => db.exec('create index notes_by_tag on notes (tag)'),
    ],
    index: (db) => {
      const keeper = {
        index: { count: 0 },
        load: (inSnapshot: <Result>(work: () => Result) => Result) => inSnapshot(keeper.catchUp),
        catchUp: () => {
          keeper.index = { count: count(db) }
        },
      }
      return keeper
    },
  },
)
