import { describe, expect, it } from 'vitest'
import { Engine } from './engine.ts'
import { arrange } from './mishap.ts'
import { outcome } from './outcome.ts'
import { Tally } from './tally.ts'

describe('draining a lane', () => {
  it('ends at once where nothing was asked', async () => {
    await using engine = await Engine.start()
    await engine.lane.drain()
    await engine.perform('one')
    await engine.lane.drain()
  })

  it('ends after every call that was accepted, waiting ones included', async () => {
    await using engine = await Engine.start({ workers: 2 })
    const settled: string[] = []
    const calls = ['wait gate', 'a', 'fail b', 'c'].flatMap((order) =>
      [engine.perform(order), engine.performAlone(order)].map((call) =>
        call.then(
          () => settled.push(order),
          () => settled.push(order),
        ),
      ),
    )
    await engine.gate.arrived(2)
    const drained = engine.lane.drain().then(() => settled.length)
    engine.gate.open()
    expect(await drained).toBe(calls.length)
  })

  it('ends after calls that are tried once more', async () => {
    Tally.create('exits')
    await using engine = await Engine.start()
    let answer: string | undefined
    void engine.perform('exit-once').then((text) => {
      answer = text
    })
    await engine.lane.drain()
    expect(answer).toBe('exit-once')
  })

  it('ends where the last calls end by their deadline', async () => {
    await using engine = await Engine.start({ timeout: 100 })
    const held = outcome(engine.perform('wait gate'))
    await engine.lane.drain()
    expect(await held).toBe('timeout')
    engine.gate.open()
  })

  it('ends where no worker is left to answer', async () => {
    const deaths = Tally.create('deaths')
    await using engine = await Engine.start()
    arrange({ open: 'refuse' })
    deaths.add()
    await engine.log.told('warn')
    const waiting = outcome(engine.perform('waits'))
    await engine.lane.drain()
    expect(await waiting).toBe('unavailable')
    arrange({})
  })
})
