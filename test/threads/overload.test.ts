import { describe, expect, it } from 'vitest'
import { Engine } from './engine.ts'
import { failureOf, outcome } from './outcome.ts'

/** An engine whose one worker is held, and the calls that hold it. */
async function heldEngine(maxQueue: number) {
  const engine = await Engine.start({ maxQueue })
  const held = [engine.perform('wait gate')]
  await engine.gate.arrived()
  held.push(engine.perform('behind'))
  await Promise.resolve()
  return { engine, held }
}

describe('a lane that is full', () => {
  it('turns calls away at once, and answers all that it took', async () => {
    const { engine, held } = await heldEngine(3)
    await using _ = engine
    const taken = [engine.perform('a'), engine.performAlone('b'), engine.perform('c')]
    const turnedAway = [engine.perform('d'), engine.performAlone('e')]
    // The worker is still held: nothing but the lane itself can have settled them.
    expect(await Promise.all(turnedAway.map(outcome))).toEqual(['overloaded', 'overloaded'])
    expect(engine.lane.figures).toMatchObject({ waiting: 3, overloads: 2, calls: 5 })
    engine.gate.open()
    expect(await Promise.all(taken)).toEqual(['a', 'b', 'c'])
    await Promise.all(held)
    expect(await engine.perform('list')).toBe('wait gate, behind, b, a, c')
  })

  it('turns away a call that would have it hold too much, but not one alone', async () => {
    const weight = { most: 100, mostHeld: 10 }
    await using engine = await Engine.start({ weight })
    const held = engine.perform('wait gate')
    await engine.gate.arrived()
    const failure = await failureOf(engine.perform('ab'))
    expect(failure).toMatchObject({
      code: 'overloaded',
      message: '9 bytes of text wait or are under way in the call queue, of at most 10',
    })
    const small = engine.perform('a')
    expect(engine.lane.figures).toMatchObject({ held: 10, overloads: 1 })
    engine.gate.open()
    await Promise.all([held, small])
    expect(await engine.perform('x'.repeat(100))).toHaveLength(100)
    expect(engine.lane.figures.held).toBe(0)
  })

  it('says how many calls wait and where', async () => {
    const { engine, held } = await heldEngine(1)
    await using _ = engine
    held.push(engine.perform('takes the place'))
    await expect(engine.perform('too much')).rejects.toMatchObject({
      code: 'overloaded',
      message: '1 calls wait in the call queue, which is the most it takes',
    })
    engine.gate.open()
    await Promise.all(held)
  })

  it('takes calls again as soon as some have left', async () => {
    const { engine, held } = await heldEngine(1)
    await using _ = engine
    held.push(engine.perform('takes the place'))
    expect(await outcome(engine.perform('too much'))).toBe('overloaded')
    engine.gate.open()
    await Promise.all(held)
    expect(await engine.perform('welcome')).toBe('welcome')
  })
})

describe('a lane that is not full', () => {
  it('counts no call as waiting that a free worker takes at once', async () => {
    await using engine = await Engine.start({ workers: 2, maxQueue: 1 })
    const calls = [engine.perform('a'), engine.perform('b'), engine.perform('c')]
    expect(await Promise.all(calls)).toEqual(['a', 'b', 'c'])
    expect(engine.lane.figures.overloads).toBe(0)
  })
})
