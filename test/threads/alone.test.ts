import { setImmediate as nextTurn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Engine } from './engine.ts'
import { Latch } from './latch.ts'
import { arrange } from './mishap.ts'
import { Tally } from './tally.ts'

describe('a call that runs alone', () => {
  it('delays no other call where there is another worker', async () => {
    await using engine = await Engine.start({ workers: 2 })
    const long = engine.performAlone('wait gate')
    await engine.gate.arrived()
    for (let round = 0; round < 20; round++)
      expect(await Promise.all([engine.perform('a'), engine.perform('b')])).toEqual(['a', 'b'])
    expect(engine.lane.figures.underWay).toBe(1)
    engine.gate.open()
    await long
  })

  it('leaves one worker to the others, however many run alone', async () => {
    await using engine = await Engine.start({ workers: 3 })
    const long = [1, 2, 3, 4].map(() => engine.performAlone('wait gate'))
    await engine.gate.arrived(2)
    expect(await engine.perform('short')).toBe('short')
    expect(engine.lane.figures).toMatchObject({ underWay: 2, waiting: 2 })
    engine.gate.open()
    expect(await Promise.all(long)).toHaveLength(4)
  })

  it('finds a worker free where others are not to share the rest of the work', async () => {
    await using engine = await Engine.start({ workers: 2, batchWorkers: 1 })
    const held = engine.perform('wait gate')
    await engine.gate.arrived()
    const behind = [engine.perform('behind'), engine.perform('far behind')]
    // By now they are sent wherever they may go.
    await nextTurn()
    expect(await engine.performAlone('list')).toBe('')
    expect(engine.lane.figures.waiting + engine.lane.figures.underWay).toBe(3)
    engine.gate.open()
    await Promise.all([held, ...behind])
    expect(await engine.perform('list')).toBe('wait gate, behind, far behind')
  })

  it('shares its worker where the one for the rest cannot be started anew', async () => {
    Tally.create('exits')
    await using engine = await Engine.start({ workers: 2, batchWorkers: 1 })
    arrange({ open: 'refuse' })
    expect(await engine.perform('exit-once')).toBe('exit-once')
    expect(await engine.perform('next')).toBe('next')
    expect(await engine.performAlone('list')).toBe('exit-once, next')
    arrange({})
  })

  it('does not wait for another of its like where there is a worker for it', async () => {
    await using engine = await Engine.start({ workers: 3 })
    const long = engine.performAlone('wait gate')
    await engine.gate.arrived()
    expect(await engine.performAlone('second')).toBe('second')
    expect(await engine.performAlone('third')).toBe('third')
    engine.gate.open()
    await long
  })

  it('waits for a worker to finish what it has, and no call follows it there', async () => {
    const [one, two] = [Latch.create('one'), Latch.create('two')]
    await using engine = await Engine.start({ workers: 2 })
    const held = [engine.perform('wait one'), engine.perform('wait two')]
    await Promise.all([one.arrived(), two.arrived()])
    const order: string[] = []
    const long = engine.performAlone('list').then((list) => order.push(`alone after ${list}`))
    const behind = engine.perform('behind').then(() => order.push('behind'))
    one.open()
    await long
    expect(order).toEqual(['alone after wait one'])
    two.open()
    await Promise.all([behind, ...held])
  })

  it('with a single worker, takes turns with all others that wait', async () => {
    await using engine = await Engine.start()
    const held = engine.perform('wait gate')
    await engine.gate.arrived()
    const made = ['a', 'ALONE b', 'c', 'd', 'ALONE e', 'ALONE f', 'g', 'h']
    const calls = made.map((order) =>
      order.startsWith('ALONE') ? engine.performAlone(order) : engine.perform(order),
    )
    engine.gate.open()
    await Promise.all([held, ...calls])
    const done = ['ALONE b', 'a', 'c', 'd', 'g', 'h', 'ALONE e', 'ALONE f']
    expect(await engine.perform('list')).toBe(['wait gate', ...done].join(', '))
  })

  it.each([1, 2])('is not starved by a stream of other calls, with %i workers', async (workers) => {
    await using engine = await Engine.start({ workers })
    await amidStream(
      () => engine.perform('short'),
      () => engine.performAlone('long'),
    )
  })

  it.each([1, 2])(
    'starves no other call in a stream of its like, with %i workers',
    async (workers) => {
      await using engine = await Engine.start({ workers })
      await amidStream(
        () => engine.performAlone('long'),
        () => engine.perform('short'),
      )
    },
  )
})

/** Makes calls one after the other while others are made all the time, which ends only with them. */
async function amidStream(other: () => Promise<unknown>, call: () => Promise<unknown>) {
  let goesOn = true
  const stream = async () => {
    while (goesOn) await other()
  }
  const streams = Promise.all(Array.from({ length: 16 }, stream))
  try {
    for (let round = 0; round < 5; round++) await call()
  } finally {
    goesOn = false
    await streams
  }
}
