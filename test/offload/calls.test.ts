import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import fc from 'fast-check'
import { describe, expect, it, onTestFinished } from 'vitest'
import { TemporaryDirectory } from '../sqlite/temporary-directory.ts'
import { Latch } from '../threads/latch.ts'
import { arrange } from '../threads/mishap.ts'
import { outcome } from '../threads/outcome.ts'
import { RecordedLog } from '../threads/recorded-log.ts'
import { Tally } from '../threads/tally.ts'
import { type Notes, note, opened, openNotes } from './open-notes.ts'

/** Makes calls that are sure to be committed together, since they are made while the writer is held. */
async function together<Result>(notes: Notes, calls: () => Promise<Result>[], latch: Latch) {
  const held = notes.addAndWait({ tag: 'held', text: '' })
  await latch.arrived()
  // Sent to the writer, to go on with.
  const behind = notes.echoToWriter('behind')
  await Promise.resolve()
  const made = Promise.allSettled(calls())
  latch.open()
  await Promise.all([held, behind])
  return made
}

describe('writes', () => {
  it('take effect in the order in which they were made', async () => {
    const notes = await opened()
    const ids = await Promise.all(
      Array.from({ length: 500 }, (_, number) => notes.add(note(number))),
    )
    expect(ids).toEqual(Array.from({ length: 500 }, (_, number) => number + 1))
  })

  it('that come together are committed together, and a failing one undoes itself only', async () => {
    const latch = Latch.create('write')
    const notes = await opened()
    const settled = await together<unknown>(
      notes,
      () => [
        notes.add(note(1)),
        notes.addAndFail(note(2), 'on purpose'),
        notes.refuse('MINE'),
        notes.add(note(3)),
        notes.giveFunction(note(4)),
        notes.add(note(5)),
      ],
      latch,
    )
    expect(settled).toMatchObject([
      { value: 2 },
      { reason: { name: 'OffloadError', code: 'failed', message: 'on purpose' } },
      { reason: { code: 'MINE', message: 'refused' } },
      { value: 3 },
      {
        reason: {
          code: 'invalid',
          message: expect.stringContaining("can't be sent to another thread"),
        },
      },
      { value: 4 },
    ])
    expect(await notes.count()).toBe(4)
    expect(notes.figures.write).toMatchObject({ batches: 3, calls: 8 })
  })

  it('are seen by every read that is made after they were answered', async () => {
    const notes = await opened()
    for (let round = 1; round <= 100; round++) {
      await notes.add(note(round))
      expect(await Promise.all([notes.count(), notes.count()])).toEqual([round, round])
    }
  })

  it.each([
    ['null', null, 'null'],
    ['a text', 'text', 'text'],
    ['an error that cannot be read', 'unreadable', 'something that cannot be read was thrown'],
  ])('fail alone where they throw %s', async (_, thrown, message) => {
    const latch = Latch.create('write')
    const notes = await opened()
    const settled = await together<unknown>(
      notes,
      () => [notes.add(note(1)), notes.addAndThrow(note(2), thrown), notes.add(note(3))],
      latch,
    )
    expect(settled).toMatchObject([
      { value: 2 },
      { reason: { code: 'failed', message } },
      { value: 3 },
    ])
  })

  it('fail with the code of SQLite where a constraint is violated', async () => {
    const notes = await opened()
    const add = notes.add({ tag: 'a', text: null as unknown as string })
    await expect(add).rejects.toMatchObject({
      name: 'OffloadError',
      code: 'SQLITE_CONSTRAINT_NOTNULL',
      message: 'NOT NULL constraint failed: notes.text',
    })
  })

  it.each([
    'commit',
    ' /* so */ END',
    '-- so\nrollback',
    'select 1; commit',
    "select 'a;'; /* ; */ begin",
    `create trigger t after insert on notes begin select case 1 when 1 then 2 end; end; release x`,
  ])('cannot end the transaction that they share: %s', async (sql) => {
    const notes = await opened()
    const calls = [notes.add(note(1)), notes.exec(sql), notes.add(note(2))]
    expect(await Promise.allSettled(calls)).toMatchObject([
      { value: 1 },
      { reason: { code: 'invalid', message: expect.stringContaining('transaction') } },
      { value: 2 },
    ])
    expect(await notes.count()).toBe(2)
  })

  it.each([
    "select 'commit; rollback'",
    'create table "; commit" (a)',
    `create temp trigger t after insert on notes begin select case 1 when 1 then 2 end; end; select 1`,
    'insert or rollback into notes (tag, text) values (1, 2)',
  ])('may hold what only looks so: %s', async (sql) => {
    const notes = await opened()
    expect(await outcome(notes.exec(sql))).toBe('answered')
  })

  it.each([
    ['a view', "insert into shown values ('a')"],
    ['a trigger that ignores the row', "insert into ignored values ('a')"],
    ['a trigger', "insert into followed values ('a')"],
  ])('undo what they did by %s', async (_, sql) => {
    const notes = await opened()
    await notes.exec(`create view shown as select text from notes;
      create trigger show instead of insert on shown begin
        insert into notes (tag, text) values ('shown', new.text); end;
      create table ignored (a); create trigger ignore_it before insert on ignored begin
        insert into notes (tag, text) values ('ignored', new.a); select raise(ignore); end;
      create table followed (a); create trigger follow after insert on followed begin
        insert into notes (tag, text) values ('followed', new.a); end`)
    expect(await outcome(notes.runAndFail(sql))).toBe('failed')
    expect(await Promise.allSettled([notes.add(note(1)), notes.runAndFail(sql)])).toMatchObject([
      { value: 1 },
      { reason: { message: 'on purpose' } },
    ])
    expect(await notes.count()).toBe(1)
    expect(await notes.run(sql)).toBeGreaterThanOrEqual(0)
    expect(await notes.count()).toBe(2)
  })

  it('undo a PRAGMA', async () => {
    const notes = await opened()
    expect(await outcome(notes.setAndFail(77))).toBe('failed')
    expect(await notes.version()).toBe(2)
  })

  const rollingBack = 'insert or rollback into notes (id, tag, text) values (1, 2, 3)'

  it('by which SQLite rolls all back fail alone, and the others are made again', async () => {
    const latch = Latch.create('write')
    const notes = await opened()
    const calls = () => [
      notes.add(note(1)),
      notes.run(rollingBack),
      notes.goOn(rollingBack),
      notes.add(note(2)),
    ]
    expect(await together<unknown>(notes, calls, latch)).toMatchObject([
      { value: 2 },
      { reason: { code: 'SQLITE_CONSTRAINT_PRIMARYKEY' } },
      { reason: { code: 'failed', message: 'SQLite has rolled the transaction back' } },
      { value: 3 },
    ])
    expect(await notes.find('went on')).toEqual([])
    expect(await notes.count()).toBe(3)
  })

  it('by which SQLite rolls a transaction back end it', async () => {
    const notes = await opened()
    await notes.add(note(1))
    await using transaction = await notes.begin()
    await transaction.add(note(2))
    expect(await outcome(transaction.run(rollingBack))).toBe('SQLITE_CONSTRAINT_PRIMARYKEY')
    for (const call of [transaction.add(note(3)), transaction.savepoint('a'), transaction.commit()])
      expect(await outcome(call)).toBe('unavailable')
    expect(await notes.count()).toBe(1)
  })

  it('of any weight are one at a time where they exceed what may wait', async () => {
    const latch = Latch.create('write')
    const notes = await opened({ maxQueueBytes: 1_000 })
    const held = notes.addAndWait({ tag: 'held', text: 'x'.repeat(2_000) })
    await latch.arrived()
    expect(await outcome(notes.add({ tag: 'a', text: 'x'.repeat(2_000) }))).toBe('overloaded')
    latch.open()
    await held
  })
})

describe('reads', () => {
  it('of a batch see one snapshot, and none of what is written meanwhile', async () => {
    const latch = Latch.create('read')
    const notes = await opened({ readers: 1 })
    const twice = notes.countTwice()
    await latch.arrived()
    await notes.add(note(1))
    latch.open()
    expect(await twice).toEqual([0, 0])
    expect(await notes.count()).toBe(1)
  })

  it('go on while the writer is busy', async () => {
    const latch = Latch.create('write')
    const notes = await opened()
    const held = notes.addAndWait(note(1))
    await latch.arrived()
    expect(await notes.count()).toBe(0)
    latch.open()
    await held
  })

  it('that are long delay no others', async () => {
    const latch = Latch.create('long read')
    const notes = await opened()
    const long = notes.countAfterWaiting()
    await latch.arrived()
    expect(await notes.count()).toBe(0)
    latch.open()
    expect(await long).toBe(0)
  })

  it('cannot write', async () => {
    const notes = await opened()
    expect(await outcome(notes.writeByRead())).not.toBe('answered')
    expect(await notes.count()).toBe(0)
  })

  it('may leave rows unread, and cannot give an iterator away', async () => {
    const notes = await opened({ readers: 1 })
    await notes.addAll([note(1), note(2)])
    expect(await notes.leaveOpen()).toEqual({ id: 1 })
    expect(await outcome(notes.returnIterator())).toBe('invalid')
    expect(await notes.count()).toBe(2)
  })

  it('use functions that the operations file adds to SQL', async () => {
    const notes = await opened()
    expect(await notes.shout('quietly')).toBe('QUIETLY')
  })

  it('of an index see every write that was answered before', async () => {
    const notes = await opened({ indexers: 1 })
    for (let round = 1; round <= 20; round++) {
      await notes.add(note(round))
      expect(await notes.total()).toBe(round)
    }
  })

  it('of an index fail where there are no indexers', async () => {
    const notes = await opened()
    expect(await outcome(notes.total())).toBe('unavailable')
  })

  it('have notices logged once', async () => {
    const log = new RecordedLog()
    const notes = await opened({ log })
    await Promise.all([notes.notice('so it is'), notes.notice('so it is')])
    expect(log.messages('warn')).toEqual(['so it is'])
  })
})

describe('maintenance', () => {
  it('runs outside any transaction', async () => {
    const notes = await opened()
    await notes.add(note(1))
    const all = await Promise.all([
      notes.add(note(2)),
      notes.vacuum(),
      notes.mode(),
      notes.add(note(3)),
    ])
    expect(all).toEqual([2, undefined, 'wal', 3])
  })
})

describe('values', () => {
  const scalar = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.integer(),
    fc.bigInt(),
    fc.boolean(),
    fc.constantFrom(null, undefined, -0, Number.NaN, Number.POSITIVE_INFINITY),
    fc.date({ noInvalidDate: true }),
    fc.uint8Array().map((bytes) => Buffer.from(bytes)),
    fc.uint8Array(),
  )
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      scalar,
      fc.array(tie('value')),
      fc.dictionary(fc.string(), tie('value'), { noNullPrototype: true }),
      fc.array(fc.tuple(fc.string(), tie('value'))).map((entries) => new Map(entries)),
      fc.array(scalar).map((items) => new Set(items)),
    ),
  }))

  it('cross in both directions as they are, Buffers included', async () => {
    const notes = await opened()
    await fc.assert(
      fc.asyncProperty(value, async (sent) => {
        for (const echo of [notes.echo, notes.echoToWriter])
          expect(await echo(sent)).toStrictEqual(sent)
      }),
      { numRuns: 300 },
    )
  })

  it('are Buffers in the worker where they were before', async () => {
    const notes = await opened()
    expect(await notes.describe(Buffer.from('a'))).toBe('[object Uint8Array]true')
    expect(await notes.describe(new Uint8Array(2))).toBe('[object Uint8Array]false')
    expect(await notes.describe(new Date())).toBe('[object Date]false')
  })

  it('may refer to themselves, and to each other', async () => {
    const notes = await opened()
    const circle: { self?: unknown; twice: Buffer[] } = { twice: [] }
    circle.self = circle
    const shared = Buffer.from('shared')
    circle.twice = [shared, shared]
    const back = (await notes.echo(circle)) as typeof circle
    expect(back.self).toBe(back)
    expect(back.twice).toEqual([shared, shared])
  })

  it('are those of the time of the call', async () => {
    const latch = Latch.create('write')
    const notes = await opened()
    const sent = { text: 'before', bytes: Buffer.from('before'), list: [1] }
    const settled = await together(
      notes,
      () => {
        const call = notes.echoToWriter(sent)
        sent.text = 'after'
        sent.bytes.write('after!')
        sent.list.push(2)
        return [call]
      },
      latch,
    )
    expect(settled).toEqual([
      { status: 'fulfilled', value: { text: 'before', bytes: Buffer.from('before'), list: [1] } },
    ])
  })

  it.each([
    ['a function', () => {}],
    ['a symbol', Symbol('s')],
    ['a promise', Promise.resolve()],
    ['what fails when it is read', new Proxy({}, { ownKeys: () => raise() })],
    ['a function deep inside', { a: [new Map([['b', () => {}]])] }],
  ])('that no thread can take fail their own call: %s', async (_, sent) => {
    const notes = await opened()
    const [bad, good] = await Promise.allSettled([notes.echo(sent), notes.echo('good')])
    expect(bad).toMatchObject({ reason: { name: 'OffloadError', code: 'invalid' } })
    expect((bad as PromiseRejectedResult).reason.message).toContain('argument 1 of echo')
    expect(good).toMatchObject({ value: 'good' })
  })
})

describe('a call whose signal aborts', () => {
  it('is taken out of the queue, and never begun', async () => {
    const latch = Latch.create('write')
    const notes = await opened()
    const controller = new AbortController()
    const reason = new Error('no longer needed')
    const settled = await together(
      notes,
      () => {
        const call = notes.with({ signal: controller.signal }).add(note(1))
        controller.abort(reason)
        return [call]
      },
      latch,
    )
    expect(settled).toEqual([{ status: 'rejected', reason }])
    expect(await notes.count()).toBe(1)
  })

  it('is not made at all where it had aborted before', async () => {
    const notes = await opened()
    const aborted = notes.with({ signal: AbortSignal.abort(new Error('never')) })
    await expect(aborted.add(note(1))).rejects.toThrow('never')
    expect(await notes.count()).toBe(0)
  })

  it('is answered where it was sent before', async () => {
    const latch = Latch.create('write')
    const notes = await opened()
    const controller = new AbortController()
    const sent = notes.with({ signal: controller.signal }).addAndWait(note(1))
    await latch.arrived()
    controller.abort()
    latch.open()
    expect(await sent).toBe(1)
  })
})

describe('what happens to calls and workers', () => {
  const names = [
    'call:queued',
    'call:sent',
    'call:done',
    'call:failed',
    'worker:died',
    'worker:started',
  ]

  /** Every event that is published from now on, in order. */
  function recorded(): { readonly event: string; readonly message: Record<string, unknown> }[] {
    const events: { event: string; message: Record<string, unknown> }[] = []
    for (const event of names) {
      const listener = (message: unknown) =>
        void events.push({ event, message: message as Record<string, unknown> })
      subscribe(`cq-store:${event}`, listener)
      onTestFinished(() => void unsubscribe(`cq-store:${event}`, listener))
    }
    return events
  }

  it('is published on diagnostics channels', async () => {
    const notes = await opened()
    const events = recorded()
    await notes.add(note(1))
    await outcome(notes.refuse('MINE'))
    expect(events.map(({ event, message }) => [event, message.lane, message.operation])).toEqual([
      ['call:queued', 'write', 'add'],
      ['call:sent', 'write', 'add'],
      ['call:done', 'write', 'add'],
      ['call:queued', 'write', 'refuse'],
      ['call:sent', 'write', 'refuse'],
      ['call:failed', 'write', 'refuse'],
    ])
    const ids = events.map(({ message }) => message.id)
    expect(ids).toEqual([ids[0], ids[0], ids[0], ids[3], ids[3], ids[3]])
    expect(ids[3]).not.toBe(ids[0])
    expect(events[5]?.message).toMatchObject({
      path: expect.stringContaining('notes.db'),
      elapsed: expect.any(Number),
      error: { code: 'MINE' },
    })
  })

  it('tells of workers that die and are replaced', async () => {
    const notes = await opened({ readers: 1 })
    const events = recorded()
    expect(await outcome(notes.dieReading())).toBe('unavailable')
    expect(await notes.count()).toBe(0)
    const workers = events.filter(({ event }) => event.startsWith('worker'))
    expect(workers.map(({ event, message }) => [event, message.worker])).toEqual([
      ['worker:died', 'reader 1'],
      ['worker:started', 'reader 1'],
      ['worker:died', 'reader 1'],
      ['worker:started', 'reader 1'],
    ])
  })

  it('costs nothing where nobody listens', () => {
    for (const event of names) expect(channel(`cq-store:${event}`).hasSubscribers).toBe(false)
  })
})

describe('a worker that dies', () => {
  it.each(['load', 'open'] as const)('while it starts, in %s, fails opening', async (stage) => {
    await using directory = await TemporaryDirectory.create()
    arrange({ [`${stage} write`]: 'throw' })
    onTestFinished(() => arrange({}))
    const opening = openNotes({ path: directory.file('notes.db') })
    await expect(opening).rejects.toThrow(`threw at ${stage}`)
  })

  it('with a write leaves it undone, says that nobody can know, and goes on', async () => {
    const notes = await opened()
    expect(await outcome(notes.addAndDie(note(1)))).toBe('outcome_unknown')
    expect(await notes.add(note(2))).toBe(1)
    expect(notes.figures.write.restarts).toBe(1)
  })

  it('with a read has it made once more', async () => {
    Tally.create('exits')
    const notes = await opened()
    expect(await notes.dieOnce()).toBe(0)
    expect(notes.figures.read.restarts).toBe(1)
  })

  it('with nothing to do is replaced', async () => {
    const log = new RecordedLog()
    const deaths = ['read', 'write'].map((access) => Tally.create(`deaths of ${access}`))
    const notes = await opened({ readers: 1, log })
    for (const death of deaths) death.add(1)
    await log.told('warn', 2)
    expect(await notes.add(note(1))).toBe(1)
    expect(await notes.count()).toBe(1)
  })

  it('while it closes is gone all the same', async () => {
    await using directory = await TemporaryDirectory.create()
    arrange({ 'close write': 'exit' })
    onTestFinished(() => arrange({}))
    const notes = await openNotes({ path: directory.file('notes.db') })
    await notes.add(note(1))
    expect(await outcome(notes.close())).toBe('unavailable')
    arrange({})
    await using again = await openNotes({ path: directory.file('notes.db') })
    expect(await again.count()).toBe(1)
  })
})

describe('a deadline', () => {
  it('ends a write that was sent as outcome_unknown, and one that waits as timeout', async () => {
    const latch = Latch.create('write')
    const notes = await opened({ timeout: 200 })
    const held = outcome(notes.addAndWait(note(1)))
    await latch.arrived()
    const behind = outcome(notes.echoToWriter('behind'))
    await Promise.resolve()
    const waiting = outcome(notes.add(note(2)))
    expect(await Promise.all([held, behind, waiting])).toEqual([
      'outcome_unknown',
      'outcome_unknown',
      'timeout',
    ])
    latch.open()
  })
})

describe('overload', () => {
  it('refuses one call more than may wait, and nothing that was accepted is lost', async () => {
    const latch = Latch.create('write')
    const notes = await opened({ maxQueue: 5 })
    const held = notes.addAndWait(note(0))
    await latch.arrived()
    const behind = notes.echoToWriter('behind')
    await Promise.resolve()
    const calls = Array.from({ length: 8 }, (_, number) => outcome(notes.add(note(number))))
    latch.open()
    const outcomes = await Promise.all(calls)
    expect(Map.groupBy(outcomes, (one) => one).get('overloaded')).toHaveLength(3)
    await Promise.all([held, behind])
    expect(await notes.count()).toBe(6)
    expect(notes.figures.write.overloads).toBe(3)
  })
})

describe('closing', () => {
  it('answers what was accepted, and refuses what comes later', async () => {
    await using directory = await TemporaryDirectory.create()
    const notes = await openNotes({ path: directory.file('notes.db') })
    const calls = Array.from({ length: 50 }, (_, number) => notes.add(note(number)))
    const closed = notes.close()
    const late = [notes.add(note(99)), notes.count(), notes.begin(), notes.backup('/none')]
    const outcomes = Promise.all(late.map(outcome))
    expect(await Promise.all(calls)).toHaveLength(50)
    expect(await outcomes).toEqual(['closed', 'closed', 'closed', 'closed'])
    await closed
    expect(await directory.list()).toEqual(['notes.db'])
    expect(await notes.health()).toBe('the database is closed')
  })

  it('is done at the end of a scope', async () => {
    await using directory = await TemporaryDirectory.create()
    let closed: Notes
    {
      await using notes = await openNotes({ path: directory.file('notes.db') })
      closed = notes
    }
    expect(await outcome(closed.count())).toBe('closed')
  })
})

function raise(): never {
  throw new Error('not to be read')
}
