import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import type { ConnectionReport } from '../../src/offload/connection-options.ts'
import type { SqliteStoreOptions } from '../../src/sqlite/options.ts'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { RecordedLog } from '../threads/recorded-log.ts'
import { Tally } from '../threads/tally.ts'
import { openSteered } from './steered-store.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

async function connectionsOf(
  options: Omit<SqliteStoreOptions, 'path'>,
): Promise<readonly ConnectionReport[]> {
  await using directory = await TemporaryDirectory.create()
  await using store = await SqliteStore.open({ ...options, path: directory.file('cq.db') })
  return store.figures.connections
}

const usual = {
  foreign_keys: 1,
  journal_mode: 'wal',
  synchronous: 1,
  busy_timeout: 5_000,
  cache_size: -16_384,
  mmap_size: 0,
}

/** The priority of each of this process's threads, by their ids: higher numbers give way to lower ones. */
function priorities(): Map<string, number> {
  const ids = readdirSync('/proc/self/task')
  return new Map(
    ids.map((id) => {
      const stat = readFileSync(`/proc/self/task/${id}/stat`, 'utf8')
      // The name, in brackets, is the only field that may hold a space; `nice` is the nineteenth.
      return [id, Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[16])]
    }),
  )
}

describe('the connections of a store', () => {
  it.runIf(process.platform === 'linux')('that read give way to the event loop', async () => {
    const before = priorities()
    const usual = before.get(String(process.pid)) as number
    await using directory = await TemporaryDirectory.create()
    await using _ = await SqliteStore.open({ path: directory.file('cq.db'), readers: 3 })
    const after = priorities()
    expect(after.get(String(process.pid))).toBe(usual)
    const lower = [...after].filter(([id, nice]) => !before.has(id) && nice > usual)
    expect(lower.map(([, nice]) => nice)).toEqual(Array(3).fill(Math.min(usual + 5, 19)))
  })

  it('are one that writes and as many that read and rank as were asked for, each with its PRAGMAs', async () => {
    const deaths = ['read', 'write', 'index'].map((access) => Tally.create(`deaths of ${access}`))
    await using directory = await TemporaryDirectory.create()
    const log = new RecordedLog()
    await using store = await openSteered({ path: directory.file('cq.db'), readers: 2, log })
    await store.query(['x'])
    const before = store.figures.connections
    expect(before).toMatchObject([
      { access: 'write', pragmas: { ...usual, query_only: 0 } },
      { access: 'read', pragmas: { ...usual, query_only: 1 } },
      { access: 'read', pragmas: { ...usual, query_only: 1 } },
      { access: 'index', pragmas: { ...usual, query_only: 1 } },
    ])
    for (const death of deaths) death.add()
    await log.told('warn', 4)
    while (store.figures.connections.some((report) => before.includes(report))) await setImmediate()
    expect(store.figures.connections).toEqual(before)
  })

  it('take what the options say', async () => {
    const pragmas = {
      ...usual,
      synchronous: 2,
      busy_timeout: 123,
      cache_size: -2_048,
      mmap_size: 1_048_576,
    }
    const connections = await connectionsOf({
      readers: 1,
      durability: 'full',
      busyTimeout: 123,
      cacheSize: 2_048,
      mmapSize: 1_048_576,
    })
    expect(connections).toMatchObject([
      { access: 'write', pragmas },
      { access: 'read', pragmas },
    ])
  })

  it('are, where nothing is said, one reader a core, at least 1 and at most 8', async () => {
    const connections = await connectionsOf({})
    expect(connections).toHaveLength(1 + Math.min(Math.max(availableParallelism(), 1), 8))
  })
})
