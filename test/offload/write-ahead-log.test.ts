import { once } from 'node:events'
import { statSync } from 'node:fs'
import { Worker } from 'node:worker_threads'
import Sqlite from 'better-sqlite3'
import { describe, expect, it, onTestFinished } from 'vitest'
import { CheckpointRequest } from '../../src/offload/checkpoint-request.ts'
import { WriteAheadLog } from '../../src/offload/write-ahead-log.ts'
import { beforeEachStatement } from '../sqlite/migrations/before-each-statement.ts'
import { TemporaryDirectory } from '../sqlite/temporary-directory.ts'
import { Tally } from '../threads/tally.ts'

const pagesBetweenCheckpoints = 150
const pageSize = 4_096
/** Some more than a commit of `Writer` writes. */
const pagesOfCommit = 15
/** What the log has at the most where nobody reads it. */
const mostUnread = 2 * pagesBetweenCheckpoints + pagesOfCommit

/** A connection that writes, whose log is kept small. */
class Writer {
  readonly sqlite: Sqlite.Database
  readonly log: WriteAheadLog
  readonly #insert: Sqlite.Statement
  #rows = 0

  constructor(path: string, request = new CheckpointRequest()) {
    this.sqlite = new Sqlite(path)
    onTestFinished(() => void this.sqlite.close())
    this.sqlite.pragma('journal_mode = WAL')
    this.sqlite.prepare('create table if not exists filler (number, text)').run()
    this.#insert = this.sqlite.prepare('insert into filler values (?, ?)')
    const options = { busyTimeout: 5_000, request, pagesBetweenCheckpoints }
    this.log = new WriteAheadLog(this.sqlite, options)
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

  /** As `most`, where `between` is done after each commit. */
  async mostWith(between: (commit: number) => Promise<void>, commits: number): Promise<number> {
    let most = 0
    for (let commit = 1; commit <= commits; commit++) {
      most = Math.max(most, this.most(1))
      await between(commit)
    }
    return most
  }

  /** Calls back before each statement. Answers what to call when that is no longer wanted. */
  watch(callback: (sql: string) => void): () => void {
    return beforeEachStatement(this.sqlite, callback)
  }

  /** Statements that were run, by what they begin with. */
  statementsOf(work: () => void): (beginning: string) => number {
    const statements: string[] = []
    const restore = this.watch((sql) => statements.push(sql))
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

/** Has a reader keep the log as it is, until it commits. */
function hold(sqlite: Sqlite.Database): void {
  sqlite.exec('begin')
  sqlite.prepare('select count(*) from filler').get()
}

/** Answers requests for checkpoints on this thread, where it is told to. */
class Answerer {
  answers = 0
  readonly #sqlite: Sqlite.Database
  readonly #request: CheckpointRequest

  constructor(path: string, request: CheckpointRequest) {
    this.#sqlite = new Sqlite(path)
    onTestFinished(() => void this.#sqlite.close())
    this.#request = request
  }

  async answer(): Promise<void> {
    if (!this.#request.isPending) return
    this.#request.take()
    this.#sqlite.pragma('wal_checkpoint(PASSIVE)')
    this.#request.done()
    this.answers++
  }
}

/** A writer, and what answers its requests. */
function folded(directory: TemporaryDirectory) {
  const path = directory.file('log.db')
  const request = new CheckpointRequest()
  return { path, request, writer: new Writer(path, request), answerer: new Answerer(path, request) }
}

function startThread(name: string, workerData: unknown): Worker {
  return new Worker(new URL(`workers/${name}.ts`, import.meta.url), {
    workerData,
    execArgv: process.features.typescript ? [] : ['--import', 'tsx'],
  })
}

/** Has the log read at every moment while there is work: it says after which commits, counted from 1. */
async function whileRead(
  path: string,
  work: (read: (commit: number) => Promise<void>) => Promise<void>,
): Promise<void> {
  const asked = Tally.create('snapshots asked for')
  const taken = Tally.create('snapshots taken')
  const isOver = Tally.create('reading is over')
  const ended = once(startThread('relay-reader', path), 'exit')
  try {
    await work(async (commit) => {
      asked.add()
      await taken.reached(commit)
    })
  } finally {
    isOver.add()
    asked.add()
    await ended
  }
}

/** Has another thread fold the log while there is work. Answers how often it did. */
async function whileFolded(
  path: string,
  request: CheckpointRequest,
  work: () => Promise<void>,
): Promise<number> {
  const made = Tally.create('checkpoints made')
  const thread = startThread('checkpointer', { path, memory: request.memory })
  const ended = once(thread, 'exit')
  try {
    await work()
    return made.value
  } finally {
    thread.postMessage('close')
    await ended
  }
}

describe('the write-ahead log', () => {
  it('begins anew by itself, where nobody reads, and its file stays as small', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('log.db')
    const writer = new Writer(path)
    const counted = writer.statementsOf(() => {
      expect(writer.most(200)).toBeLessThan(mostUnread)
    })
    expect(counted('PRAGMA wal_checkpoint(PASSIVE)')).toBeGreaterThan(5)
    expect(counted('PRAGMA wal_checkpoint(PASSIVE)')).toBeLessThan(50)
    expect(statSync(`${path}-wal`).size).toBeLessThan(mostUnread * pageSize)
  })

  it('is bounded where somebody reads it at every moment', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('log.db')
    const writer = new Writer(path)
    await whileRead(path, async (read) => {
      const most = await writer.mostWith(read, 300)
      expect(most).toBeGreaterThan(2 * pagesBetweenCheckpoints)
      expect(most).toBeLessThan(1_000)
    })
  })

  it('grows while a long read holds it, which is waited for once, and is small again after it', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('log.db')
    const writer = new Writer(path)
    const scan = reader(path)
    writer.most(3)
    hold(scan)
    const counted = writer.statementsOf(() => {
      expect(writer.most(100)).toBeGreaterThan(1_000)
    })
    expect(counted('PRAGMA wal_checkpoint(RESTART)')).toBe(1)
    // Not at every commit, since each flushes the disk.
    expect(counted('PRAGMA wal_checkpoint(PASSIVE)')).toBeLessThan(15)
    scan.exec('commit')
    writer.most(20)
    expect(writer.most(50)).toBeLessThan(mostUnread)
    expect(statSync(`${path}-wal`).size).toBeLessThan(mostUnread * pageSize)
  })

  it('is looked after by two writers of one file', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('log.db')
    const [one, other] = [new Writer(path), new Writer(path)]
    let most = 0
    for (let commit = 0; commit < 100; commit++) most = Math.max(most, one.most(1), other.most(1))
    expect(most).toBeLessThan(mostUnread + pagesOfCommit)
  })

  it('is emptied at once after a commit that must leave no trace, or once no read is in the way', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('log.db')
    const writer = new Writer(path)
    writer.commit()
    writer.log.afterCommit(true)
    expect(statSync(`${path}-wal`).size).toBe(0)

    const scan = reader(path)
    hold(scan)
    writer.commit()
    writer.log.afterCommit(true)
    expect(writer.most(30)).toBeGreaterThan(mostUnread)
    scan.exec('commit')
    // Not only begun anew, which would leave what it held behind what it holds.
    const statements = writer.statementsOf(() => writer.most(30))
    expect(statements('PRAGMA wal_checkpoint(TRUNCATE)')).toBe(1)
    expect(statSync(`${path}-wal`).size).toBeLessThan(mostUnread * (pageSize + 24))
    expect(writer.statementsOf(() => writer.most(60))('PRAGMA wal_checkpoint(TRUNCATE)')).toBe(0)
  })

  it('is emptied, unless somebody reads it', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('log.db')
    const writer = new Writer(path)
    const scan = reader(path)
    writer.commit()
    hold(scan)
    writer.commit()
    expect(writer.log.truncate()).toBe(false)
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(0)
    scan.exec('commit')
    expect(writer.log.truncate()).toBe(true)
    expect(statSync(`${path}-wal`).size).toBe(0)
    expect(writer.sqlite.pragma('busy_timeout', { simple: true })).toBe(5_000)
  })
})

describe('the write-ahead log that another connection folds when asked', () => {
  it('begins anew by itself, where that folds all of it', async () => {
    await using directory = await TemporaryDirectory.create()
    const { writer, answerer } = folded(directory)
    const statements: string[] = []
    const restore = writer.watch((sql) => statements.push(sql))
    const most = await writer.mostWith(() => answerer.answer(), 200)
    restore()
    expect(most).toBeLessThan(pagesBetweenCheckpoints + pagesOfCommit)
    expect(answerer.answers).toBeGreaterThan(10)
    expect(statements.filter((sql) => /PASSIVE|RESTART/.test(sql))).toEqual([])
  })

  it('leaves the writer little to fold, and begins anew as soon as that is done', async () => {
    await using directory = await TemporaryDirectory.create()
    const { path, writer, answerer } = folded(directory)
    const read = reader(path)
    const left: number[] = []
    const restore = writer.watch((sql) => {
      if (sql !== 'PRAGMA wal_checkpoint(PASSIVE)') return
      const { log, checkpointed } = writer.log.state
      left.push(log - checkpointed)
    })
    let most = 0
    for (let round = 0; round < 100; round++) {
      writer.commit()
      // As if what is committed next came after the checkpoint had begun.
      hold(read)
      most = Math.max(most, writer.most(1))
      await answerer.answer()
      read.exec('commit')
    }
    restore()
    expect(most).toBeLessThan(pagesBetweenCheckpoints + 3 * pagesOfCommit)
    expect(left.length).toBeGreaterThan(5)
    expect(Math.max(...left)).toBeLessThan(2 * pagesOfCommit)
    expect(answerer.answers).toBe(left.length)
  })

  it('is folded again by it where much was written meanwhile', async () => {
    await using directory = await TemporaryDirectory.create()
    const { path, request, writer, answerer } = folded(directory)
    // A read that keeps it from what is newer, as if that had come after it had begun.
    const read = reader(path)
    writer.most(9)
    hold(read)
    const counted = writer.statementsOf(() => writer.most(6))
    expect(counted('PRAGMA wal_checkpoint(PASSIVE)')).toBe(0)
    await answerer.answer()
    expect(writer.log.state.checkpointed).toBeGreaterThan(0)
    read.exec('commit')
    writer.commit()
    expect(request.isPending).toBe(true)
    await answerer.answer()
    writer.most(2)
    expect(writer.log.state.log).toBeLessThan(2 * pagesOfCommit)
  })

  it('is not folded again and again in vain while a long read holds it, nor is that waited for', async () => {
    await using directory = await TemporaryDirectory.create()
    const { path, writer, answerer } = folded(directory)
    const scan = reader(path)
    writer.most(3)
    hold(scan)
    const statements: string[] = []
    const restore = writer.watch((sql) => statements.push(sql))
    expect(await writer.mostWith(() => answerer.answer(), 100)).toBeGreaterThan(1_000)
    restore()
    expect(statements).not.toContain('PRAGMA wal_checkpoint(RESTART)')
    expect(statements.filter((sql) => sql.includes('PASSIVE')).length).toBeLessThan(15)
    expect(answerer.answers).toBeLessThan(15)
    scan.exec('commit')
    await writer.mostWith(() => answerer.answer(), 20)
    expect(await writer.mostWith(() => answerer.answer(), 50)).toBeLessThan(mostUnread)
  })

  it('is bounded however slow that is, since the writer waits for it in the end', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('log.db')
    const request = new CheckpointRequest()
    const writer = new Writer(path, request)
    const checkpoints = await whileFolded(path, request, async () => {
      writer.most(20)
      await Tally.find('checkpoints made')?.reached(1)
      // It may be asked once more before it is done, and be under way again when the writer has waited.
      expect(writer.most(1_000)).toBeLessThan(mostUnread + pagesOfCommit)
    })
    expect(checkpoints).toBeGreaterThan(1)
  })

  it('is bounded where somebody reads it at every moment, too', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('log.db')
    const request = new CheckpointRequest()
    const writer = new Writer(path, request)
    await whileFolded(path, request, () =>
      whileRead(path, async (read) => {
        expect(await writer.mostWith(read, 300)).toBeLessThan(1_000)
      }),
    )
  })

  it('is as bounded where what was asked never gets to it', async () => {
    await using directory = await TemporaryDirectory.create()
    const request = new CheckpointRequest()
    const writer = new Writer(directory.file('log.db'), request)
    writer.most(15)
    expect(request.isPending).toBe(true)
    expect(await request.whenPending()).toBe(true)
    request.take()
    expect(request.isPending).toBe(false)
    expect(writer.most(200)).toBeLessThan(mostUnread)
    expect(request.isPending).toBe(true)
  })
})

describe('who waits for a request of a checkpoint', () => {
  it('is told of one that is made, and of none where nobody is to wait any more', async () => {
    for (const isMade of [true, false]) {
      const request = new CheckpointRequest()
      const waiting = [request.whenPending(), request.whenPending()]
      if (isMade) request.make()
      else request.stopWaiting()
      expect(await Promise.all(waiting)).toEqual([isMade, isMade])
    }
  })
})
