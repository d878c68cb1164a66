import { afterEach, describe, expect, it } from 'vitest'
import { OffloadError, WorkerLost } from '../../src/threads/errors.ts'
import { worker } from './engine.ts'
import { Latch } from './latch.ts'
import { liveThreads } from './live-threads.ts'
import { arrange } from './mishap.ts'
import { failureOf, outcome } from './outcome.ts'
import { RecordedLog } from './recorded-log.ts'
import { Tally } from './tally.ts'

const deadline = 60_000
/** Where tsx reads TypeScript, a file that throws is tried once more by Node itself, which can't read it. */
const thrownAtLoad = process.features.typescript ? 'threw at load' : 'did not start'
/** Passes in a test, and is yet enough for a thread to end. */
const brief = 300

afterEach(() => {
  arrange({})
  expect(liveThreads.size).toBe(0)
})

describe('a worker that starts', () => {
  it('keeps what open told, and is ready', async () => {
    const thread = worker()
    expect(thread.isReady).toBe(false)
    await thread.start()
    expect(thread).toMatchObject({ report: 'opened', isReady: true, failure: undefined })
    await thread.close(deadline)
    expect(thread.isReady).toBe(false)
  })

  it('answers a batch in its order, each call for itself', async () => {
    const thread = worker()
    await thread.start()
    const failure = { code: 'conflict', message: 'on purpose', stack: 'where it failed' }
    expect(await thread.answer(['one', 'fail on purpose', 'two'])).toEqual({
      results: ['one', undefined, 'two'],
      failures: new Map([[1, failure]]),
    })
    await thread.close(deadline)
  })

  it('begins two batches in the order in which they were sent', async () => {
    const thread = worker()
    await thread.start()
    const replies = await Promise.all([thread.answer(['a', 'b']), thread.answer(['c'])])
    expect(replies.map(({ results }) => results)).toEqual([['a', 'b'], ['c']])
    expect((await thread.answer(['list'])).results).toEqual(['a, b, c'])
    await thread.close(deadline)
  })

  it('fails a batch whose handler throws as internal, and goes on', async () => {
    const thread = worker()
    await thread.start()
    const failure = await failureOf(thread.answer(['throw something odd']))
    expect(failure.code).toBe('internal')
    expect(failure.message).toContain('something odd')
    expect((await thread.answer(['still here'])).results).toEqual(['still here'])
    expect(thread.restarts).toBe(0)
    await thread.close(deadline)
  })
})

describe('a worker that cannot start', () => {
  it.each([
    ['throws while its file is loaded', 'load', 'throw', 'unavailable', thrownAtLoad],
    ['exits while its file is loaded', 'load', 'exit', 'unavailable', 'did not start'],
    ['throws in open', 'open', 'throw', 'internal', 'threw at open'],
    ['exits in open', 'open', 'exit', 'unavailable', 'with code'],
    ['refuses to open', 'open', 'refuse', 'unavailable', 'refused to open'],
  ] as const)('fails at once where it %s', async (_, stage, mishap, code, message) => {
    arrange({ [stage]: mishap })
    const thread = worker()
    const failure = await failureOf(thread.start())
    expect(failure.code).toBe(code)
    expect(failure.message).toContain(message)
    expect(thread.isReady).toBe(false)
    expect(thread.failure).toBe(failure)
    await thread.close(deadline)
    expect(liveThreads.size).toBe(0)
  })

  it.each([
    ['there is no such file', 'missing.ts'],
    ['its file exports nothing', 'empty.ts'],
  ])('fails at once where %s', async (_, name) => {
    const filename = new URL(`workers/${name}`, import.meta.url).pathname
    const thread = worker({ filename })
    expect(await outcome(thread.start())).toBe('unavailable')
    await thread.close(deadline)
  })

  it('fails with timeout where its file never finishes loading', async () => {
    arrange({ load: 'wait' })
    const latch = Latch.create('load')
    const thread = worker({ loadDeadline: brief })
    const failure = await failureOf(thread.start())
    expect(failure.code).toBe('timeout')
    expect(failure.message).toBe(`could not start the worker within ${brief} ms`)
    latch.open()
    await thread.close(deadline)
  })

  it('is tried again until it does, where nobody waits for it', async () => {
    arrange({ open: 'refuse' })
    const log = new RecordedLog()
    const thread = worker({ log })
    await thread.keepStarting()
    expect(thread.failure).toMatchObject({ code: 'unavailable', message: 'refused to open' })
    expect(log.messages('error')).toEqual(['refused to open; trying again in 100 ms'])
    arrange({})
    await restarted(thread)
    expect(thread).toMatchObject({ isReady: true, restarts: 0 })
    expect((await thread.answer(['hello'])).results).toEqual(['hello'])
    await thread.close(deadline)
  })

  it('tells with the failure where in the worker it happened', async () => {
    arrange({ open: 'refuse' })
    const thread = worker()
    expect(await failureOf(thread.start())).toMatchObject({
      cause: expect.stringContaining('workers/obedient.ts'),
    })
    await thread.close(deadline)
  })
})

describe('a worker that dies', () => {
  it.each([
    ['exits', 'exit', 'exited with code: 3', 'its thread ended with code 3'],
    ['meets an error that nothing catches', 'crash', 'crashed', 'crashed'],
    ['has no memory left', 'hoard', 'memory limit', 'memory limit'],
  ])('ends every batch under way as lost where it %s', async (_, order, message, said) => {
    const log = new RecordedLog()
    const thread = worker({ log, resourceLimits: { maxOldGenerationSizeMb: 24 } })
    await thread.start()
    const batches = await Promise.allSettled([
      thread.answer([order]),
      thread.answer(['never begun']),
    ])
    for (const batch of batches) {
      expect(batch).toMatchObject({ status: 'rejected', reason: expect.any(WorkerLost) })
      expect(String((batch as PromiseRejectedResult).reason)).toContain(message)
    }
    await restarted(thread)
    expect(thread.restarts).toBe(1)
    expect(log.messages('warn')).toEqual([expect.stringContaining(said)])
    expect((await thread.answer(['list'])).results).toEqual([''])
    await thread.close(deadline)
  })

  it('is started anew where it dies idle, and says so', async () => {
    const deaths = Tally.create('deaths')
    const log = new RecordedLog()
    const thread = worker({ log, name: 'sleeper' })
    await thread.start()
    const again = restarted(thread)
    deaths.add()
    await again
    expect(log.entries).toEqual([
      {
        level: 'warn',
        details: { worker: 'sleeper', error: expect.objectContaining({ message: 'died idle' }) },
        message: 'the sleeper crashed (died idle); restarting it',
      },
    ])
    expect((await thread.answer(['hello'])).results).toEqual(['hello'])
    await thread.close(deadline)
  })

  it('is tried again and again until it starts', async () => {
    const deaths = Tally.create('deaths')
    const log = new RecordedLog()
    const thread = worker({ log })
    await thread.start()
    arrange({ load: 'throw' })
    deaths.add()
    await log.told('error', 1)
    expect(thread.failure?.code).toBe('unavailable')
    arrange({ open: 'refuse' })
    await log.told('error', 2)
    expect(thread.failure?.message).toBe('refused to open')
    const again = restarted(thread)
    arrange({})
    await again
    expect(thread).toMatchObject({ isReady: true, failure: undefined, restarts: 1 })
    expect((await thread.answer(['hello'])).results).toEqual(['hello'])
    await thread.close(deadline)
  })

  it('waits longer after each failed start, and begins anew once it has started', async () => {
    const deaths = Tally.create('deaths')
    const log = new RecordedLog()
    const thread = worker({ log })
    await thread.start()
    arrange({ open: 'refuse' })
    deaths.add()
    await log.told('error', 2)
    arrange({})
    await restarted(thread)
    arrange({ open: 'refuse' })
    deaths.add()
    await log.told('error', 3)
    const delays = log.messages('error').map((message) => /in (\d+) ms/.exec(message)?.[1])
    expect(delays).toEqual(['100', '200', '100'])
    await thread.close(deadline)
  })
})

describe('a worker that is closed', () => {
  it('has closed what it works on, and its thread is gone', async () => {
    const closings = Tally.create('closings')
    const thread = worker()
    await thread.start()
    await thread.close(deadline)
    expect(closings.value).toBe(1)
    expect(liveThreads.size).toBe(0)
  })

  it('finishes the batches that it was sent before', async () => {
    const thread = worker()
    await thread.start()
    const batches = [thread.answer(['one']), thread.answer(['two'])]
    await thread.close(deadline)
    expect(await Promise.all(batches)).toEqual([
      { results: ['one'], failures: new Map() },
      { results: ['two'], failures: new Map() },
    ])
  })

  it('takes nothing more', async () => {
    const thread = worker()
    await thread.start()
    await thread.close(deadline)
    await expect(thread.answer(['late'])).rejects.toThrow()
    expect(liveThreads.size).toBe(0)
  })

  it.each([
    ['throws', 'throw', 'internal', 'threw at close'],
    ['exits', 'exit', 'unavailable', 'exited with code: 1'],
    ['refuses', 'refuse', 'unavailable', 'refused to close'],
  ] as const)(
    'fails where it %s in close, and is gone all the same',
    async (_, mishap, code, message) => {
      arrange({ close: mishap })
      const log = new RecordedLog()
      const thread = worker({ log })
      await thread.start()
      const failure = await failureOf(thread.close(deadline))
      expect(failure.code).toBe(code)
      expect(failure.message).toContain(message)
      expect(liveThreads.size).toBe(0)
      expect(log.entries).toEqual([])
    },
  )

  it('fails in time where it is stuck in a batch, and is gone all the same', async () => {
    const latch = Latch.create('stuck')
    const thread = worker()
    await thread.start()
    const batch = thread.answer(['wait stuck']).catch((error: unknown) => error)
    await latch.arrived()
    expect(await failureOf(thread.close(brief))).toMatchObject({
      code: 'timeout',
      message: `could not close the worker within ${brief} ms`,
    })
    expect(await batch).toBeInstanceOf(Error)
    expect(liveThreads.size).toBe(0)
  })

  it('fails in time where it is stuck in close, and is gone all the same', async () => {
    Latch.create('close')
    arrange({ close: 'wait' })
    const thread = worker()
    await thread.start()
    expect(await outcome(thread.close(brief))).toBe('timeout')
    expect(liveThreads.size).toBe(0)
  })

  it('does not come back where it was being started anew', async () => {
    const deaths = Tally.create('deaths')
    const latch = Latch.create('open')
    const log = new RecordedLog()
    const thread = worker({ log })
    await thread.start()
    arrange({ open: 'wait' })
    deaths.add()
    await latch.arrived()
    await thread.close(deadline)
    expect(liveThreads.size).toBe(0)
    expect(thread.isReady).toBe(false)
    expect(log.messages('error')).toEqual([])
  })

  it('does not come back where it waited to be tried again', async () => {
    const deaths = Tally.create('deaths')
    const log = new RecordedLog()
    const thread = worker({ log })
    await thread.start()
    arrange({ open: 'refuse' })
    deaths.add()
    await log.told('error')
    arrange({})
    let changed = false
    thread.onChange = () => {
      changed = true
    }
    await thread.close(deadline)
    expect({ changed, isReady: thread.isReady, threads: liveThreads.size }).toEqual({
      changed: false,
      isReady: false,
      threads: 0,
    })
  })

  it('fails the start that it interrupts as closed or unavailable', async () => {
    const latch = Latch.create('open')
    arrange({ open: 'wait' })
    const thread = worker()
    const start = thread.start().catch((error: unknown) => error)
    await latch.arrived()
    await thread.close(deadline)
    expect(await start).toBeInstanceOf(OffloadError)
    expect(liveThreads.size).toBe(0)
  })

  it('is nothing where it was never started', async () => {
    await expect(worker().close(deadline)).resolves.toBeUndefined()
  })
})

/** Resolves once the worker is ready again. */
function restarted(thread: ReturnType<typeof worker>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  thread.onChange = () => {
    if (thread.isReady) resolve()
  }
  return promise
}
