import { describe, expect, it } from 'vitest'
import { Engine } from './engine.ts'
import { Latch } from './latch.ts'

const twenty = Array.from({ length: 20 }, (_, index) => index)

describe('calls on their way to a worker', () => {
  it('leave at once where a worker is free', async () => {
    await using engine = await Engine.start()
    expect(await engine.perform('first')).toBe('first')
    expect(await engine.perform('second')).toBe('second')
    expect(engine.lane.figures).toMatchObject({ calls: 2, batches: 2, waiting: 0, underWay: 0 })
  })

  it('gather while every worker is busy, and travel as one batch', async () => {
    await using engine = await Engine.start()
    const held = [engine.perform('wait gate'), engine.perform('behind')]
    await engine.gate.arrived()
    const gathered = twenty.map(() => engine.perform('batch'))
    await Promise.resolve()
    expect(engine.lane.figures.waiting).toBe(20)
    engine.gate.open()
    expect(new Set(await Promise.all(gathered)).size).toBe(1)
    await Promise.all(held)
  })

  it('give the event loop its turns where callers have much to do for each answer', async () => {
    await using engine = await Engine.start()
    const held = [engine.perform('wait gate'), engine.perform('behind')]
    await engine.gate.arrived()
    let turn = 0
    let next = setImmediate(function onTurn() {
      turn++
      next = setImmediate(onTurn)
    })
    const calls = Array.from({ length: 50 }, async () => {
      const batch = await engine.perform('batch')
      const end = performance.now() + 1
      while (performance.now() < end);
      return { batch, turn }
    })
    engine.gate.open()
    const answered = await Promise.all(calls)
    clearImmediate(next)
    expect(new Set(answered.map(({ batch }) => batch)).size).toBe(1)
    const turns = Map.groupBy(answered, (call) => call.turn)
    expect([...turns.values()].map(({ length }) => length)).toEqual([16, 16, 16, 2])
    await Promise.all(held)
  })

  it('travel in batches no larger than the largest', async () => {
    await using engine = await Engine.start({ largestBatch: 8 })
    const held = [engine.perform('wait gate'), engine.perform('behind')]
    await engine.gate.arrived()
    const gathered = twenty.map(() => engine.perform('batch'))
    engine.gate.open()
    const batches = Map.groupBy(await Promise.all(gathered), (batch) => batch)
    expect([...batches.values()].map(({ length }) => length)).toSatisfy((lengths: number[]) =>
      lengths.every((length) => length <= 8),
    )
    await Promise.all(held)
  })

  it('travel in batches no heavier than the heaviest, and by themselves where they are heavier', async () => {
    const weight = { most: 10, mostHeld: 1000 }
    await using engine = await Engine.start({ weight })
    const held = engine.perform('wait gate')
    await engine.gate.arrived()
    const behind = engine.perform('behind')
    const heavy = 'batch far too heavy'
    const calls = ['batch', 'batch', 'batch', heavy, 'batch', heavy].map((order) =>
      engine.perform(order),
    )
    engine.gate.open()
    const batches = Map.groupBy(await Promise.all(calls), (batch) => Number(batch))
    expect([...batches.keys()]).toEqual([...batches.keys()].sort((one, other) => one - other))
    expect([...batches.values()].map(({ length }) => length)).toEqual([2, 1, 1, 1, 1])
    await Promise.all([held, behind])
  })

  it('are sent to a worker that does its upkeep as to one that has a batch', async () => {
    const upkeep = Latch.create('upkeep')
    await using engine = await Engine.start()
    const tidied = engine.upkeep()
    await upkeep.arrived()
    const calls = [engine.perform('one')]
    await Promise.resolve()
    calls.push(engine.perform('two'))
    await Promise.resolve()
    expect(engine.lane.figures).toMatchObject({ underWay: 1, waiting: 1 })
    upkeep.open()
    expect(await Promise.all(calls)).toEqual(['one', 'two'])
    await tidied
  })

  it('leave for a single worker before it has answered, and for one of several afterwards', async () => {
    for (const workers of [1, 2]) {
      await using engine = await Engine.start({ workers })
      const held = Array.from({ length: workers }, () => engine.perform('wait gate'))
      await engine.gate.arrived(workers)
      const more = [engine.perform('one')]
      await Promise.resolve()
      more.push(engine.perform('two'))
      await Promise.resolve()
      expect(engine.lane.figures).toMatchObject({ underWay: 2, waiting: workers })
      engine.gate.open()
      await Promise.all([...held, ...more])
    }
  })

  it('are begun in the order in which they were made', async () => {
    await using engine = await Engine.start()
    const calls: Promise<string>[] = []
    for (const index of twenty) {
      calls.push(engine.perform(`call ${index}`))
      if (index % 3 === 0) await calls[index]
    }
    await Promise.all(calls)
    const list = await engine.perform('list')
    expect(list).toBe(twenty.map((index) => `call ${index}`).join(', '))
  })

  it('are shared out among the workers that are free', async () => {
    await using engine = await Engine.start({ workers: 3 })
    const calls = [0, 1, 2].map(() => engine.perform('wait gate'))
    // All three are there only if each has a worker of its own.
    await engine.gate.arrived(3)
    engine.gate.open()
    await Promise.all(calls)
  })

  it('fail for themselves: a failure of one leaves the others of its batch alone', async () => {
    await using engine = await Engine.start()
    const outcomes = await Promise.allSettled([
      engine.perform('one'),
      engine.perform('fail of its own'),
      engine.perform('two'),
    ])
    expect(outcomes).toEqual([
      { status: 'fulfilled', value: 'one' },
      {
        status: 'rejected',
        reason: expect.objectContaining({
          name: 'OffloadError',
          code: 'conflict',
          message: 'of its own',
          cause: 'where it failed',
        }),
      },
      { status: 'fulfilled', value: 'two' },
    ])
  })

  it('fail as internal where the worker leaves out their reply, or throws', async () => {
    await using engine = await Engine.start()
    const held = [engine.perform('wait gate'), engine.perform('behind')]
    await engine.gate.arrived()
    const omitted = [engine.perform('answered'), engine.perform('omit')]
    engine.gate.open()
    await Promise.all(held)
    expect(await Promise.allSettled(omitted)).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 'internal' } },
    ])
    await expect(engine.perform('throw up')).rejects.toMatchObject({ code: 'internal' })
    expect(await engine.perform('goes on')).toBe('goes on')
  })

  it('fail as internal where their answer cannot be read, and alone', async () => {
    await using engine = await Engine.start()
    const calls = ['{"is":"JSON"}', 'is none', '"JSON again"'].map((order) =>
      engine.lane.call(order, { read: (text) => JSON.parse(String(text)) }),
    )
    expect(await Promise.allSettled(calls)).toMatchObject([
      { value: { is: 'JSON' } },
      { reason: { name: 'OffloadError', code: 'internal' } },
      { value: 'JSON again' },
    ])
  })
})
