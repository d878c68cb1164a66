import { once } from 'node:events'
import { statSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import Sqlite from 'better-sqlite3'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WriteAheadLog } from '../../src/sqlite/write-ahead-log.ts'
import { beforeEachStatement } from '../migrations/before-each-statement.ts'
import { Tally } from '../offload/tally.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

const pagesBetweenCheckpoints = 50
const pageSize = 4_096

/** A connection that writes, whose log is kept small. */
class Writer {
  readonly sqlite: Sqlite.Database
  readonly log: WriteAheadLog
  readonly #insert: Sqlite.Statement
  #rows = 0

  constructor(path: string) {
    this.sqlite = new Sqlite(path)
    onTestFinished(() => void this.sqlite.close())
    this.sqlite.pragma('journal_mode = WAL')
    this.sqlite.prepare('create table if not exists filler (number, text)').run()
    this.#insert = this.sqlite.prepare('insert into filler values (?, ?)')
    this.log = new WriteAheadLog(this.sqlite, { busyTimeout: 5_000, pagesBetweenCheckpoints })
  }

  /** Commits some ten pages, and sees to the log as after any commit. */
  commit(): void {
    this.sqlite.transaction(() => {
      for (let page = 0; page < 10; page++) this.#insert.run(this.#rows++, 'x'.repeat(pageSize))
    })()
    this.log.afterCommit()
  }

  /** What the log has at the most while so many are committed. */
  most(commits: number): number {
    let most = 0
    for (let commit = 0; commit < commits; commit++) {
      this.commit()
      most = Math.max(most, this.log.state.log)
    }
    return most
  }

  /** Statements that were run, by what they begin with. */
  statementsOf(work: () => void): (beginning: string) => number {
    const statements: string[] = []
    const restore = beforeEachStatement(this.sqlite, (sql) => statements.push(sql))
    work()
    restore()
    return (beginning) => statements.filter((sql) => sql.startsWith(beginning)).length
  }
}

function reader(path: string): Sqlite.Database {
  const sqlite = new Sqlite(path, { readonly: true })
  onTestFinished(() => void sqlite.close())
  return sqlite
}

describe('the write-ahead log', () => {
  it('begins anew by itself, where nobody reads, and its file stays as small', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('log.db')
    const writer = new Writer(path)
    const counted = writer.statementsOf(() => {
      expect(writer.most(200)).toBeLessThan(2 * pagesBetweenCheckpoints)
    })
    expect(counted('PRAGMA wal_checkpoint(PASSIVE)')).toBeGreaterThan(10)
    expect(counted('PRAGMA wal_checkpoint(PASSIVE)')).toBeLessThan(100)
    expect(counted('PRAGMA wal_checkpoint(RESTART)')).toBe(0)
    expect(statSync(`${path}-wal`).size).toBeLessThan(2 * pagesBetweenCheckpoints * pageSize)
  })

  it('is bounded where somebody reads it at every moment', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('log.db')
    const writer = new Writer(path)
    const asked = Tally.create('snapshots asked for')
    const taken = Tally.create('snapshots taken')
    const isOver = Tally.create('reading is over')
    const relay = new Worker(new URL('workers/relay-reader.ts', import.meta.url), {
      workerData: path,
      execArgv: process.features.typescript ? [] : ['--import', 'tsx'],
    })
    const ended = once(relay, 'exit')
    try {
      let most = 0
      for (let commit = 1; commit <= 300; commit++) {
        writer.commit()
        most = Math.max(most, writer.log.state.log)
        asked.add()
        await taken.reached(commit)
      }
      expect(most).toBeGreaterThan(2 * pagesBetweenCheckpoints)
      expect(most).toBeLessThan(1_000)
    } finally {
      isOver.add()
      asked.add()
      await ended
    }
  })

  it('grows while a long read holds it, which nobody waits for, and is small again after it', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('log.db')
    const writer = new Writer(path)
    const scan = reader(path)
    writer.most(3)
    scan.exec('begin')
    scan.prepare('select count(*) from filler').get()
    const counted = writer.statementsOf(() => {
      expect(writer.most(100)).toBeGreaterThan(1_000)
    })
    expect(counted('PRAGMA wal_checkpoint(RESTART)')).toBe(0)
    // Not at every commit, since each flushes the disk.
    expect(counted('PRAGMA wal_checkpoint(PASSIVE)')).toBeLessThan(30)
    scan.exec('commit')
    writer.most(6)
    expect(writer.most(50)).toBeLessThan(2 * pagesBetweenCheckpoints)
    expect(statSync(`${path}-wal`).size).toBeLessThan(2 * pagesBetweenCheckpoints * pageSize)
  })

  it('is looked after by two writers of one file', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('log.db')
    const [one, other] = [new Writer(path), new Writer(path)]
    let most = 0
    for (let commit = 0; commit < 100; commit++) most = Math.max(most, one.most(1), other.most(1))
    expect(most).toBeLessThan(2 * pagesBetweenCheckpoints + 20)
  })

  it('is emptied, unless somebody reads it', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('log.db')
    const writer = new Writer(path)
    const scan = reader(path)
    writer.commit()
    scan.exec('begin')
    scan.prepare('select count(*) from filler').get()
    writer.commit()
    expect(writer.log.truncate()).toBe(false)
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(0)
    scan.exec('commit')
    expect(writer.log.truncate()).toBe(true)
    expect(statSync(`${path}-wal`).size).toBe(0)
    expect(writer.sqlite.pragma('busy_timeout', { simple: true })).toBe(5_000)
  })
})
