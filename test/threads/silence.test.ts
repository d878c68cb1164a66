import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Engine, worker } from './engine.ts'
import { Latch } from './latch.ts'
import { liveThreads } from './live-threads.ts'
import { arrange } from './mishap.ts'
import { failureOf, outcome } from './outcome.ts'
import { RecordedLog } from './recorded-log.ts'

/** Passes in a test, and is longer than any answer takes. */
const silence = 500

let directory: string
let pipe: string
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cq-store-'))
  pipe = join(directory, 'pipe')
  execFileSync('mkfifo', [pipe])
})
afterEach(async () => {
  await rm(directory, { recursive: true })
  expect(liveThreads.size).toBe(0)
})

describe('a worker that says nothing for its deadline', () => {
  it.each([
    [true, 'unavailable'],
    [false, 'outcome_unknown'],
  ])('is given up for another one, where calls are repeatable: %s', async (repeatable, code) => {
    Latch.create('for ever')
    await using engine = await Engine.start({ silenceDeadline: silence, repeatable })
    expect(await outcome(engine.perform('wait for ever'))).toBe(code)
    expect(await engine.perform('list')).toBe('')
    expect(engine.log.messages('warn')[0]).toBe(
      `the worker 1 was silent for ${silence} ms and is abandoned; restarting it`,
    )
  })

  it('is so in its upkeep, too', async () => {
    Latch.create('upkeep')
    await using engine = await Engine.start({ silenceDeadline: silence })
    expect(await outcome(engine.upkeep())).toBe('unavailable')
    expect(await engine.perform('list')).toBe('')
  })

  it('is so where it is stuck in a call of the system, and ends when that does', async () => {
    await using engine = await Engine.start({ silenceDeadline: silence, repeatable: false })
    expect(await outcome(engine.perform(`read ${pipe}`))).toBe('outcome_unknown')
    expect(await engine.perform('list')).toBe('')
    expect(liveThreads.size).toBe(2)
    await writeFile(pipe, 'text')
  })

  it('is replaced three times while its threads do not end, and again once they have', async () => {
    await using engine = await Engine.start({ silenceDeadline: silence, repeatable: false })
    for (const _ of [1, 2, 3])
      expect(await outcome(engine.perform(`read ${pipe}`))).toBe('outcome_unknown')
    const failure = await failureOf(engine.perform('list'))
    expect(failure.code).toBe('unavailable')
    expect(failure.message).toContain('3 abandoned threads of the worker 1 have not ended')
    await writeFile(pipe, 'text')
    await expect.poll(() => outcome(engine.perform('list')), { timeout: 30_000 }).toBe('answered')
    // And given up again.
    expect(await outcome(engine.perform(`read ${pipe}`))).toBe('outcome_unknown')
    await writeFile(pipe, 'text')
  })

  it('is not given up where it has nothing to do', async () => {
    const log = new RecordedLog()
    await using engine = await Engine.start({ silenceDeadline: 50, log })
    expect(await engine.perform('once')).toBe('once')
    await new Promise((resolve) => setTimeout(resolve, 200))
    expect(await engine.perform('again')).toBe('again')
    expect(log.entries).toEqual([])
  })
})

describe('a worker of which no thread can be made', () => {
  const impossible = { execArgv: ['--no-such-option'] }

  it('fails to start, and ends nothing else', async () => {
    const thread = worker(impossible)
    const failure = await failureOf(thread.start())
    expect(failure.code).toBe('unavailable')
    expect(failure.message).toContain('--no-such-option')
    await thread.close(60_000)
  })

  it('is tried again, and each failure logged', async () => {
    const log = new RecordedLog()
    const thread = worker({ ...impossible, log })
    void thread.keepStarting()
    await log.told('error', 2)
    expect(log.messages('error')[1]).toContain('trying again in 200 ms')
    await thread.close(60_000)
  })
})

it('a worker that is stuck in a call of the system is closed by the deadline all the same', async () => {
  const thread = worker()
  await thread.start()
  const stuck = thread.answer([`read ${pipe}`]).catch(() => {})
  const failure = await failureOf(thread.close(silence))
  expect(failure).toMatchObject({
    code: 'timeout',
    message: 'could not end the worker within 500 ms',
  })
  arrange({})
  await writeFile(pipe, 'text')
  await stuck
  await expect.poll(() => liveThreads.size).toBe(0)
})
