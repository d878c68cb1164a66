import { describe, expect, it } from 'vitest'
import { Engine } from './engine.ts'
import { outcome } from './outcome.ts'

const timeout = 200

/** The answer to an order that is repeated while it comes too late, as on a busy machine it may. */
async function answered(engine: Engine, order: string): Promise<string> {
  for (;;) {
    const call = engine.perform(order)
    if (!['timeout', 'outcome_unknown'].includes(await outcome(call))) return call
  }
}

describe('a call that is not answered in time', () => {
  it('ends as timeout while it waits, and is never begun', async () => {
    await using engine = await Engine.start({ timeout })
    const held = outcome(engine.perform('wait gate'))
    await engine.gate.arrived()
    const behind = outcome(engine.perform('behind'))
    await Promise.resolve()
    const waiting = [engine.perform('waits'), engine.performAlone('waits, too')]
    expect(engine.lane.figures.waiting).toBe(2)
    expect(await Promise.allSettled(waiting)).toMatchObject([
      {
        reason: {
          code: 'timeout',
          message: `the call waited for ${timeout} ms and was not started`,
        },
      },
      { reason: { code: 'timeout' } },
    ])
    expect(engine.lane.figures.waiting).toBe(0)
    engine.gate.open()
    await Promise.all([held, behind])
    expect(await answered(engine, 'list')).toBe('wait gate, behind')
  })

  it('ends as timeout while it is under way, where it has no effect', async () => {
    await using engine = await Engine.start({ timeout })
    await expect(engine.perform('wait gate')).rejects.toMatchObject({
      code: 'timeout',
      message: `the call was not answered within ${timeout} ms`,
    })
    await expect(engine.perform('behind')).rejects.toMatchObject({ code: 'timeout' })
    expect(engine.lane.figures).toMatchObject({ timeouts: 2, underWay: 2 })
    engine.gate.open()
    expect(await answered(engine, 'answered again')).toBe('answered again')
    expect(engine.lane.figures).toMatchObject({ underWay: 0, restarts: 0 })
  })

  it('ends as outcome_unknown while it is under way, where it may have one', async () => {
    await using engine = await Engine.start({ timeout, repeatable: false, name: 'write' })
    await expect(engine.perform('wait gate')).rejects.toMatchObject({
      code: 'outcome_unknown',
      message: `the write was sent and not answered within ${timeout} ms; it may still take effect`,
    })
    engine.gate.open()
    expect(await answered(engine, 'answered again')).toBe('answered again')
  })

  it('ends each call by its own deadline, not by that of another', async () => {
    await using engine = await Engine.start({ timeout })
    const order: string[] = []
    const first = engine.perform('wait gate').catch(() => order.push('first'))
    await first
    const second = engine.perform('behind').catch(() => order.push('second'))
    order.push('made the second')
    await second
    expect(order).toEqual(['first', 'made the second', 'second'])
    engine.gate.open()
  })

  it('takes no call of another worker along', async () => {
    await using engine = await Engine.start({ timeout, workers: 2 })
    const held = outcome(engine.performAlone('wait gate'))
    await engine.gate.arrived()
    expect(await answered(engine, 'meanwhile')).toBe('meanwhile')
    expect(await held).toBe('timeout')
    expect(await answered(engine, 'afterwards')).toBe('afterwards')
    engine.gate.open()
  })
})
