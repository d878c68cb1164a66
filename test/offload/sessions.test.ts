import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { TemporaryDirectory } from '../sqlite/temporary-directory.ts'
import { Latch } from '../threads/latch.ts'
import { outcome } from '../threads/outcome.ts'
import { RecordedLog } from '../threads/recorded-log.ts'
import { type Notes, note, opened } from './open-notes.ts'

describe('a transaction', () => {
  it('is committed as a whole, and its reads see what it wrote', async () => {
    const notes = await opened()
    const transaction = await notes.begin()
    expect(await transaction.add(note(1))).toBe(1)
    expect(await transaction.add(note(2))).toBe(2)
    expect(await transaction.count()).toBe(2)
    expect(await notes.count()).toBe(0)
    await transaction.commit()
    expect(await notes.count()).toBe(2)
  })

  it('is undone by rollback, and at the end of its scope', async () => {
    const notes = await opened()
    {
      await using transaction = await notes.begin()
      await transaction.add(note(1))
    }
    const transaction = await notes.begin()
    await transaction.add(note(2))
    await transaction.rollback()
    await transaction.rollback()
    expect(await notes.count()).toBe(0)
    expect(await notes.add(note(3))).toBe(1)
  })

  it('keeps all other writes waiting, and no reads', async () => {
    const notes = await opened()
    const transaction = await notes.begin()
    const order: string[] = []
    const other = notes.add(note(1)).then(() => order.push('other'))
    const next = notes.begin().then(async (second) => {
      order.push('second')
      await second.commit()
    })
    await transaction.add(note(2))
    expect(await notes.count()).toBe(0)
    order.push('first')
    await transaction.commit()
    await Promise.all([other, next])
    expect(order).toEqual(['first', 'other', 'second'])
  })

  it('undoes alone an operation of it that fails', async () => {
    const notes = await opened()
    const transaction = await notes.begin()
    await transaction.add(note(1))
    await expect(transaction.addAndFail(note(2), 'half done')).rejects.toMatchObject({
      code: 'failed',
      message: 'half done',
    })
    await transaction.add(note(3))
    await transaction.commit()
    expect(await notes.count()).toBe(2)
  })

  it('has savepoints', async () => {
    const notes = await opened()
    const transaction = await notes.begin()
    await transaction.add(note(1))
    await transaction.savepoint('one "quoted"')
    await transaction.add(note(2))
    await transaction.savepoint('two')
    await transaction.add(note(3))
    for (const wrong of ['', 'a\0b', Symbol('a') as never])
      expect(await outcome(transaction.savepoint(wrong))).toBe('invalid')
    await transaction.release('two')
    await transaction.rollbackTo('one "quoted"')
    await transaction.add(note(4))
    await expect(transaction.rollbackTo('two')).rejects.toMatchObject({ code: 'SQLITE_ERROR' })
    await transaction.commit()
    expect(await notes.count()).toBe(2)
  })

  it('takes no more calls when it is over', async () => {
    const notes = await opened()
    const transaction = await notes.begin()
    await transaction.commit()
    expect(await outcome(transaction.add(note(1)))).toBe('closed')
    expect(await outcome(transaction.commit())).toBe('closed')
    await transaction.rollback()
  })

  it('is rolled back after its deadline, and says so', async () => {
    const notes = await opened({ transactionTimeout: 100 })
    const transaction = await notes.begin()
    await transaction.add(note(1))
    // Waits for its end.
    expect(await notes.add(note(2))).toBe(1)
    for (const call of [transaction.add(note(3)), transaction.commit()])
      await expect(call).rejects.toMatchObject({
        code: 'timeout',
        message: expect.stringContaining('took longer than 100 ms'),
      })
    await transaction.rollback()
    expect(await notes.count()).toBe(1)
  })

  it('keeps a process that waits for its end', async () => {
    await using directory = await TemporaryDirectory.create()
    const script = fileURLToPath(new URL('./waiting-process.ts', import.meta.url))
    const args = [...(process.features.typescript ? [] : ['--import', 'tsx']), script]
    const run = promisify(execFile)(process.execPath, [...args, directory.file('notes.db')])
    expect((await run).stdout).toBe('1\n')
  })

  it('fails the call that is under way at its deadline', async () => {
    const latch = Latch.create('write')
    const notes = await opened({ transactionTimeout: 100 })
    const transaction = await notes.begin()
    const held = transaction.addAndWait(note(1))
    await expect(held).rejects.toMatchObject({ code: 'timeout' })
    latch.open()
    expect(await notes.add(note(2))).toBe(1)
  })

  it('is undone with its worker, and others go on at once', async () => {
    const notes = await opened()
    const transaction = await notes.begin()
    await transaction.add(note(1))
    const other = notes.add(note(2))
    await expect(transaction.addAndDie(note(3))).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('was undone'),
    })
    expect(await other).toBe(1)
    expect(notes.figures.sessions).toBe(0)
    expect(await outcome(transaction.commit())).toBe('unavailable')
    expect(await notes.count()).toBe(1)
  })

  it('is taken out of the queue where its signal aborts, and holds nothing', async () => {
    const notes = await opened()
    const first = await notes.begin()
    const controller = new AbortController()
    const second = notes.begin({ signal: controller.signal })
    controller.abort(new Error('no longer needed'))
    await expect(second).rejects.toThrow('no longer needed')
    await first.commit()
    expect(await notes.add(note(1))).toBe(1)
  })

  it('holds nothing where nobody waits for it any more when it begins', async () => {
    const latch = Latch.create('write')
    const notes = await opened({ timeout: 200 })
    const held = outcome(notes.addAndWait(note(1)))
    await latch.arrived()
    const late = notes.begin()
    await expect(late).rejects.toMatchObject({ code: 'timeout' })
    latch.open()
    await held
    for (;;) if ((await outcome(notes.add(note(2)))) === 'answered') break
  })

  it('is rolled back when the database is closed', async () => {
    const notes = await opened()
    const transaction = await notes.begin()
    await transaction.add(note(1))
    await notes.close()
    expect(await outcome(transaction.add(note(2)))).toBe('closed')
    await transaction.rollback()
  })

  it('fails a call with what cannot be sent, and has notices logged', async () => {
    const log = new RecordedLog()
    const notes = await opened({ log })
    await using transaction = await notes.begin()
    expect(await outcome(transaction.echo(() => {}))).toBe('invalid')
    await transaction.notice('in a transaction')
    await using snapshot = await notes.snapshot()
    await snapshot.notice('in a snapshot')
    expect(log.messages('warn')).toEqual(['in a transaction', 'in a snapshot'])
  })

  it('counts among the figures while it lasts', async () => {
    const notes = await opened()
    await using transaction = await notes.begin()
    expect(notes.figures.sessions).toBe(1)
    await transaction.commit()
    expect(notes.figures.sessions).toBe(0)
  })
})

describe('a snapshot', () => {
  it('stays as it is while others write, and holds nobody up', async () => {
    const notes = await opened({ readers: 1 })
    await notes.add(note(1))
    await using snapshot = await notes.snapshot()
    await notes.add(note(2))
    expect(await snapshot.count()).toBe(1)
    expect(await notes.count()).toBe(2)
    expect(await snapshot.count()).toBe(1)
  })

  it('ends with its reader, and says so', async () => {
    const notes = await opened({ readers: 1 })
    const snapshot = await notes.snapshot()
    await outcome(notes.dieReading())
    expect(await outcome(snapshot.count())).toBe('unavailable')
    await snapshot.close()
    expect(notes.figures.sessions).toBe(0)
    expect(await notes.count()).toBe(0)
  })

  it('ends when it was not used for long', async () => {
    const notes = await opened({ timeout: 200 })
    const snapshot = await notes.snapshot()
    const order: string[] = []
    while ((await outcome(notes.count())) !== 'closed' && notes.figures.sessions > 0)
      order.push('.')
    await expect(snapshot.count()).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('was not used for 200 ms'),
    })
    await snapshot.close()
  })

  it('is one of so many at most', async () => {
    const notes = await opened({ readers: 1 })
    const snapshots = await Promise.all(Array.from({ length: 64 }, () => notes.snapshot()))
    expect(await outcome(notes.snapshot())).toBe('overloaded')
    await Promise.all(snapshots.map((snapshot) => snapshot.close()))
    await using another = await notes.snapshot()
    expect(await another.count()).toBe(0)
  })
})

describe('a stream', () => {
  async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
    return Array.fromAsync(items)
  }

  it('gives every item in order, in several chunks', async () => {
    const notes = await opened()
    const numbers = await all(notes.numbers(5_000))
    expect(numbers).toEqual(Array.from({ length: 5_000 }, (_, number) => number))
    expect(await all(notes.numbers(0))).toEqual([])
  })

  it('is of one snapshot, however long it takes', async () => {
    const notes = await opened()
    await notes.addAll(Array.from({ length: 3_000 }, (_, number) => note(number)))
    let count = 0
    for await (const text of notes.texts()) {
      if (count === 0) await notes.addAll(Array.from({ length: 100 }, (_, number) => note(number)))
      expect(text).toBe(`text ${count++}`)
    }
    expect(count).toBe(3_000)
    expect(await notes.count()).toBe(3_100)
  })

  it('is read no faster than it is taken, and ends its snapshot when its consumer stops', async () => {
    const notes = await opened()
    for await (const number of notes.numbers(1e9)) {
      expect(notes.figures.sessions).toBe(1)
      if (number === 10) break
    }
    expect(notes.figures.sessions).toBe(0)
    expect(notes.figures.read.calls).toBeLessThan(10)
  })

  it('delays no other read', async () => {
    const notes = await opened({ readers: 1 })
    const streams = Array.from({ length: 10 }, () => notes.numbers(1e9))
    for (const numbers of streams) expect((await numbers.next()).value).toBe(0)
    expect(await notes.count()).toBe(0)
    for (const numbers of streams) await numbers.return()
    expect(notes.figures.sessions).toBe(0)
  })

  it('fails where its operation does', async () => {
    const notes = await opened()
    await expect(all(notes.failingStream())).rejects.toMatchObject({
      code: 'failed',
      message: 'no more',
    })
    expect(notes.figures.sessions).toBe(0)
  })

  it('that is part of a transaction sees what that wrote', async () => {
    const notes = await opened()
    await using transaction = await notes.begin()
    await transaction.add(note(7))
    expect(await all(transaction.texts())).toEqual(['text 7'])
    const [first] = await firstOf(transaction)
    expect(first).toBe(0)
    await transaction.add(note(8))
    await transaction.commit()
    expect(await all(notes.texts())).toEqual(['text 7', 'text 8'])
  })

  it('goes on where its transaction reads the same and more meanwhile', async () => {
    const notes = await opened()
    await notes.addAll(Array.from({ length: 3_000 }, (_, number) => note(number)))
    await using transaction = await notes.begin()
    const seen: string[] = []
    for await (const text of transaction.texts()) {
      if (seen.length % 1_000 === 0) {
        expect(await transaction.count()).toBe(3_000)
        expect(await transaction.allTexts()).toHaveLength(3_000)
      }
      seen.push(text)
    }
    expect(seen).toHaveLength(3_000)
  })

  it('is the only one of its transaction', async () => {
    const notes = await opened()
    await using transaction = await notes.begin()
    const first = transaction.numbers(5_000)
    expect((await first.next()).value).toBe(0)
    expect(await outcome(transaction.numbers(5_000).next())).toBe('invalid')
    expect(await Array.fromAsync(first)).toHaveLength(4_999)
    expect((await transaction.numbers(5_000).next()).value).toBe(0)
  })

  it('ends where its signal aborts', async () => {
    const notes = await opened()
    const controller = new AbortController()
    const numbers = notes.with({ signal: controller.signal }).numbers(1e9)
    expect((await numbers.next()).value).toBe(0)
    controller.abort(new Error('no longer needed'))
    await expect(all(numbers)).rejects.toThrow('no longer needed')
    expect(notes.figures.sessions).toBe(0)
  })

  async function firstOf({ numbers }: Pick<Notes, 'numbers'>): Promise<number[]> {
    for await (const number of numbers(10_000)) return [number]
    return []
  }
})
