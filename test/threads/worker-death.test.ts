import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { Engine } from './engine.ts'
import { Latch } from './latch.ts'
import { liveThreads } from './live-threads.ts'
import { arrange } from './mishap.ts'
import { failureOf, outcome } from './outcome.ts'
import { Tally } from './tally.ts'

afterEach(() => arrange({}))

const deaths = ['exit', 'crash'] as const

describe('calls under way in a worker that dies', () => {
  it.each(deaths)('are tried once more, without the one that killed it (%s)', async (poison) => {
    await using engine = await Engine.start()
    const calls = await engine.performTogether(['one', poison, 'two', 'fail by itself'])
    expect(await Promise.all(calls.map(outcome))).toEqual([
      'answered',
      'unavailable',
      'answered',
      'conflict',
    ])
    expect(engine.lane.figures).toMatchObject({ restarts: 2, waiting: 0, underWay: 0 })
    expect(await engine.perform('serves on')).toBe('serves on')
  })

  it('say that they were tried twice', async () => {
    await using engine = await Engine.start()
    const failure = await failureOf(engine.perform('exit'))
    expect(failure.code).toBe('unavailable')
    expect(failure.message).toContain('tried twice')
    expect(failure.message).toContain('exited with code: 3')
  })

  it('are answered by a new worker where the second try succeeds', async () => {
    Tally.create('exits')
    await using engine = await Engine.start()
    expect(await engine.perform('exit-once')).toBe('exit-once')
    expect(engine.lane.figures.restarts).toBe(1)
  })

  it('are answered by another worker where theirs cannot be started anew', async () => {
    Tally.create('exits')
    await using engine = await Engine.start({ workers: 2 })
    arrange({ open: 'refuse' })
    expect(await engine.perform('exit-once')).toBe('exit-once')
    await engine.log.told('error')
    expect(await engine.perform('serves on')).toBe('serves on')
    expect(await engine.performAlone('alone, too')).toBe('alone, too')
  })

  it('are tried once more where they were sent behind the batch that killed it', async () => {
    await using engine = await Engine.start()
    const poison = engine.perform('wait-exit gate')
    await engine.gate.arrived()
    const behind = engine.perform('behind')
    engine.gate.open()
    expect(await Promise.all([poison, behind].map(outcome))).toEqual(['unavailable', 'answered'])
  })

  it('end as outcome_unknown where they must not be repeated', async () => {
    await using engine = await Engine.start({ repeatable: false, name: 'write' })
    const calls = await engine.performTogether(['one', 'exit', 'two'])
    expect(await Promise.all(calls.map(outcome))).toEqual(Array(3).fill('outcome_unknown'))
    const failure = await failureOf(engine.perform('exit'))
    expect(failure.message).toContain('whether the write took effect is unknown')
    expect(await engine.perform('serves on')).toBe('serves on')
    expect(engine.lane.figures.restarts).toBe(2)
  })

  it('take those along that were sent behind them, and none that still wait', async () => {
    await using engine = await Engine.start({ repeatable: false })
    const sent = [outcome(engine.perform('wait-exit gate'))]
    await engine.gate.arrived()
    sent.push(outcome(engine.perform('behind')))
    await Promise.resolve()
    const waiting = [engine.perform('waiting'), engine.performAlone('waiting, too')]
    engine.gate.open()
    expect(await Promise.all(sent)).toEqual(['outcome_unknown', 'outcome_unknown'])
    expect(await Promise.all(waiting)).toEqual(['waiting', 'waiting, too'])
  })

  it('keep their place before those that were made later and run alone, too', async () => {
    Tally.create('exits')
    await using engine = await Engine.start()
    const early = await engine.performTogether(['exit-once', 'early'])
    const late = [engine.performAlone('late alone'), engine.perform('late')]
    await Promise.all([...early, ...late])
    expect(await engine.perform('list')).toMatch(/exit-once, early, late alone$/)
  })

  it('run alone as well, and are tried once more on their own', async () => {
    Tally.create('exits')
    await using engine = await Engine.start({ workers: 2 })
    const calls = [engine.performAlone('exit-once'), engine.performAlone('fine')]
    expect(await Promise.all(calls)).toEqual(['exit-once', 'fine'])
    expect(await outcome(engine.performAlone('exit'))).toBe('unavailable')
    expect(await engine.performAlone('serves on')).toBe('serves on')
  })
})

describe('a worker set aside for a call that runs alone', () => {
  it('frees the call for another worker where it dies and cannot be started anew', async () => {
    const [one, two] = [Latch.create('one'), Latch.create('two')]
    Tally.create('exits')
    await using engine = await Engine.start({ workers: 2 })
    const held = [engine.perform('exit-once one'), engine.perform('wait two')]
    await Promise.all([one.arrived(), two.arrived()])
    // Set aside is the first, since neither has more to do, and it dies before it is done.
    const alone = engine.performAlone('alone')
    arrange({ open: 'refuse' })
    one.open()
    await engine.log.told('error')
    two.open()
    expect(await alone).toBe('alone')
    await Promise.all(held)
    expect(engine.workers.map(({ isReady }) => isReady)).toEqual([false, true])
  })
})

describe('workers that die idle', () => {
  it('are replaced without a call, and calls made meanwhile wait for it', async () => {
    const died = Tally.create('deaths')
    await using engine = await Engine.start()
    died.add()
    await engine.log.told('warn')
    expect(engine.workers[0]?.isReady).toBe(false)
    expect(await engine.perform('waits')).toBe('waits')
    expect(engine.lane.figures.restarts).toBe(1)
  })

  it('leave the others to serve meanwhile', async () => {
    const died = Tally.create('deaths')
    const opening = Latch.create('open')
    await using engine = await Engine.start({ workers: 2 })
    arrange({ open: 'wait' })
    died.add(1)
    await opening.arrived()
    expect(await engine.perform('served')).toBe('served')
    expect(await engine.performAlone('served alone')).toBe('served alone')
    opening.open()
  })
})

describe('calls that no worker is there for', () => {
  it('fail at once while no worker can be started anew, and are served once one can', async () => {
    const died = Tally.create('deaths')
    const opening = Latch.create('open')
    await using engine = await Engine.start()
    arrange({ open: 'refuse' })
    died.add()
    await engine.log.told('error')
    // The next try is held, and with it whatever would wait for its end.
    arrange({ open: 'wait' })
    await opening.arrived()
    const failure = await failureOf(engine.perform('refused'))
    expect(failure.code).toBe('unavailable')
    expect(failure.message).toBe('no worker can call: refused to open')
    expect(await outcome(engine.performAlone('refused'))).toBe('unavailable')
    opening.open()
    while (!engine.workers[0]?.isReady) await setImmediate()
    expect(await engine.perform('serves again')).toBe('serves again')
  })

  it('fail where they wait and the last worker fails to start', async () => {
    const died = Tally.create('deaths')
    await using engine = await Engine.start({ workers: 2 })
    arrange({ load: 'throw' })
    died.add()
    await engine.log.told('warn', 2)
    const waiting = [engine.perform('waits'), engine.performAlone('waits')]
    expect(await Promise.all(waiting.map(outcome))).toEqual(['unavailable', 'unavailable'])
    await engine.lane.drain()
  })
})

describe('workers that were lost and replaced', () => {
  it('leave no thread behind', async () => {
    {
      await using engine = await Engine.start({ workers: 2 })
      await Promise.allSettled([engine.perform('exit'), engine.performAlone('exit')])
    }
    expect(liveThreads.size).toBe(0)
  })
})
