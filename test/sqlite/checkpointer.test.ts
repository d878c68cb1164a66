import { once } from 'node:events'
import { setImmediate } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import { internalOptions } from '../../src/internals.ts'
import type { SqliteStore } from '../../src/sqlite/store.ts'
import { Latch } from '../threads/latch.ts'
import { liveThreads } from '../threads/live-threads.ts'
import { arrange } from '../threads/mishap.ts'
import { RecordedLog } from '../threads/recorded-log.ts'
import { Tally } from '../threads/tally.ts'
import type { PeerOrder } from './processes/peer.ts'
import { runScript, startScript } from './script.ts'
import { openSteered } from './steered-store.ts'
import { heavyUnits, ordinaryUnits, steeredIds } from './steered-units.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

/** Twice what the checkpointer is asked from, and the most that is committed at once here. */
const mostOfLog = 48 * 2 ** 20

afterEach(() => {
  arrange({})
  expect(liveThreads.size).toBe(0)
})

/** Writes some 19 MB without a pause. Answers how large the log was at the most. */
async function writeMuch(store: SqliteStore, from: number): Promise<number> {
  const sizes = Array.from({ length: 10 }, async (_, group) => {
    await store.insertMany(heavyUnits(60, from + 60 * group))
    return (await store.fileSizes()).wal
  })
  return Math.max(...(await Promise.all(sizes)))
}

function hasCheckpointer(store: SqliteStore): boolean {
  return store.figures.connections.some(({ access }) => access === 'checkpoint')
}

async function checkpointerStarted(store: SqliteStore): Promise<void> {
  while (!hasCheckpointer(store)) await setImmediate()
}

async function emptied(store: SqliteStore): Promise<void> {
  while ((await store.fileSizes()).wal > 0) await setImmediate()
}

describe('the checkpointer of a store', () => {
  it('is started once much was written, and keeps the log small from then on', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    const log = new RecordedLog()
    {
      await using store = await openSteered({ path, log, readers: 2 })
      await writeMuch(store, 0x10000)
      await checkpointerStarted(store)
      await store.query(['x'])
      const { connections } = store.figures
      expect(connections.map(({ access }) => access)).toEqual([
        'write',
        'read',
        'read',
        'index',
        'checkpoint',
      ])
      expect(connections.at(-1)?.pragmas).toMatchObject({ query_only: 1, synchronous: 1 })
      let most = 0
      for (const from of [0x20000, 0x30000, 0x40000, 0x50000])
        most = Math.max(most, await writeMuch(store, from))
      expect(most).toBeLessThan(mostOfLog)
      expect(await store.count()).toBe(3_000)
    }
    expect(log.entries).toEqual([])
    expect(await directory.list()).toEqual(['cq.db'])
  })

  it('is not started where little is written', async () => {
    await using directory = await TemporaryDirectory.create()
    await using store = await openSteered({
      path: directory.file('cq.db'),
      ...internalOptions({ upkeepInterval: 5 }),
    })
    for (const from of [0x1000, 0x2000]) {
      await store.insertMany(ordinaryUnits(50, from))
      // By when the checkpointer would long have been started.
      await emptied(store)
    }
    expect(hasCheckpointer(store)).toBe(false)
    expect(liveThreads.size).toBe(4)
  })

  it('keeps the log small while a read holds a snapshot of it for some time', async () => {
    const reading = Latch.create('read')
    await using directory = await TemporaryDirectory.create()
    await using store = await openSteered({ path: directory.file('cq.db') })
    await writeMuch(store, 0x10000)
    await checkpointerStarted(store)
    const read = store.get(steeredIds.held)
    await reading.arrived()
    expect(await writeMuch(store, 0x20000)).toBeLessThan(2.5 * mostOfLog)
    reading.open()
    await read
    // Until it has begun anew, and then for good.
    for (let from = 0x30000; (await writeMuch(store, from)) > mostOfLog; from += 0x10000);
    expect(await writeMuch(store, 0xf0000)).toBeLessThan(mostOfLog)
  })

  it('is started anew where it dies, and no write fails for it', async () => {
    const deaths = Tally.create('deaths of checkpoint')
    await using directory = await TemporaryDirectory.create()
    const log = new RecordedLog()
    await using store = await openSteered({ path: directory.file('cq.db'), log })
    await writeMuch(store, 0x10000)
    await checkpointerStarted(store)
    const before = store.figures.connections.at(-1)
    const writing = writeMuch(store, 0x20000)
    deaths.add()
    await log.told('warn')
    expect(await writing).toBeLessThan(mostOfLog)
    while (store.figures.connections.at(-1) === before) await setImmediate()
    expect(await writeMuch(store, 0x30000)).toBeLessThan(mostOfLog)
    expect(log.entries.map(({ message }) => message)).toEqual([
      'the checkpointer crashed (died idle); restarting it',
    ])
    expect(await store.count()).toBe(1_800)
  })

  it('is not missed where it cannot be started, and comes once it can', async () => {
    arrange({ 'open checkpoint': 'refuse' })
    await using directory = await TemporaryDirectory.create()
    const log = new RecordedLog()
    await using store = await openSteered({ path: directory.file('cq.db'), log })
    expect(await writeMuch(store, 0x10000)).toBeLessThan(mostOfLog)
    await log.told('error')
    expect(log.messages('error')[0]).toBe('refused to open; trying again in 100 ms')
    expect(hasCheckpointer(store)).toBe(false)
    expect(await writeMuch(store, 0x20000)).toBeLessThan(mostOfLog)
    arrange({})
    await checkpointerStarted(store)
    expect(await store.count()).toBe(1_200)
  })
})

describe('closing a store that has a checkpointer', () => {
  it('leaves no thread and no log behind, while that is at work', async () => {
    await using directory = await TemporaryDirectory.create()
    for (const round of [1, 2, 3]) {
      const store = await openSteered({ path: directory.file('cq.db') })
      await writeMuch(store, round * 0x10000)
      await checkpointerStarted(store)
      const writes = Array.from({ length: 10 }, (_, group) =>
        store.insertMany(heavyUnits(60, round * 0x10000 + 0x8000 + 60 * group)),
      )
      await store.close()
      await Promise.all(writes)
      expect(liveThreads.size).toBe(0)
      expect(await directory.list()).toEqual(['cq.db'])
    }
  })

  it('does so while that is being started', async () => {
    const opening = Latch.create('open')
    arrange({ 'open checkpoint': 'wait' })
    await using directory = await TemporaryDirectory.create()
    const store = await openSteered({ path: directory.file('cq.db') })
    await writeMuch(store, 0x10000)
    await opening.arrived()
    await store.close()
    expect(liveThreads.size).toBe(0)
    expect(await directory.list()).toEqual(['cq.db'])
  })

  it('starts none where it was asked for at the last moment', async () => {
    await using directory = await TemporaryDirectory.create()
    for (const round of [1, 2, 3]) {
      const store = await openSteered({ path: directory.file('cq.db') })
      const writing = writeMuch(store, round * 0x10000)
      await store.close()
      await writing
      expect(liveThreads.size).toBe(0)
      expect(await directory.list()).toEqual(['cq.db'])
    }
  })

  it('fails where that does not close, and yet folds the log into the file', async () => {
    arrange({ 'close checkpoint': 'throw' })
    await using directory = await TemporaryDirectory.create()
    const store = await openSteered({ path: directory.file('cq.db') })
    await writeMuch(store, 0x10000)
    await checkpointerStarted(store)
    await expect(store.close()).rejects.toMatchObject({ code: 'internal' })
    expect(await directory.list()).toEqual(['cq.db'])
  })

  it('is not needed for the process to end', async () => {
    await using directory = await TemporaryDirectory.create()
    expect(await runScript('left-checkpointing.ts', directory.file('cq.db'))).toEqual({
      code: 0,
      signal: null,
      stdout: 'counted 600\n',
      stderr: '',
    })
  })
})

describe('two stores on one file, each with a checkpointer', () => {
  it('keep the log small, and leave it to the other when they close', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    const log = new RecordedLog()
    const one = await openSteered({ path, log, readers: 1 })
    const other = await openSteered({ path, log, readers: 1 })
    const both = [one, other]
    await Promise.all([writeMuch(one, 0x10000), writeMuch(other, 0x20000)])
    for (let from = 0x100000; !both.every(hasCheckpointer); from += 0x10000)
      await Promise.all([writeMuch(one, from), writeMuch(other, from + 0x8000)])
    const before = await one.count()
    for (const from of [0x30000, 0x40000, 0x50000]) {
      const writing = [writeMuch(one, from), writeMuch(other, from + 0x8000)]
      // Neither waits for a checkpoint of the other's; without any, the log would have 170 MB and more.
      expect(Math.max(...(await Promise.all(writing)))).toBeLessThan(2.5 * mostOfLog)
    }
    await one.close()
    expect(await writeMuch(other, 0x60000)).toBeLessThan(mostOfLog)
    expect(await other.count()).toBe(before + 4_200)
    await other.close()
    expect(await directory.list()).toEqual(['cq.db'])
    expect(log.entries).toEqual([])
  })

  it('may be two processes', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    const store = await openSteered({ path })
    const peer = startScript('peer.ts', path)
    await once(peer, 'message')
    const inserted = once(peer, 'message')
    peer.send({ insert: { count: 2_000, from: 0x100000 } } satisfies PeerOrder)
    expect(await writeMuch(store, 0x10000)).toBeLessThan(mostOfLog)
    await checkpointerStarted(store)
    expect(await writeMuch(store, 0x20000)).toBeLessThan(mostOfLog)
    await inserted
    expect(await store.count()).toBe(3_200)
    const exit = once(peer, 'exit')
    peer.send({ close: true } satisfies PeerOrder)
    expect((await exit)[0]).toBe(0)
    await store.close()
    expect(await directory.list()).toEqual(['cq.db'])
  })
})
