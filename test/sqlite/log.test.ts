import { once } from 'node:events'
import Sqlite from 'better-sqlite3'
import { describe, expect, it } from 'vitest'
import { internalOptions } from '../../src/internals.ts'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { RecordedLog } from '../threads/recorded-log.ts'
import { Tally } from '../threads/tally.ts'
import { openSteered, steeredWorker } from './steered-store.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

describe('what nobody waits for is told to the log', () => {
  it('the death of a worker, and a use of an API key that could not be noted', async () => {
    const deaths = Tally.create('deaths of read')
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    const log = new RecordedLog()
    await using store = await openSteered({ path, readers: 1, log, busyTimeout: 20 })
    deaths.add()
    await log.told('warn')
    const other = new Sqlite(path)
    other.exec('begin immediate')
    await store.touchApiKeyLastUsed('a key')
    other.close()
    expect(log.entries).toEqual([
      {
        level: 'warn',
        details: { worker: 'reader 1', error: expect.objectContaining({ message: 'died idle' }) },
        message: 'the reader 1 crashed (died idle); restarting it',
      },
      {
        level: 'warn',
        details: {
          method: 'touchApiKeyLastUsed',
          error: expect.objectContaining({ code: 'unavailable' }),
        },
        message: expect.stringContaining('touchApiKeyLastUsed failed: the database is locked'),
      },
    ])
  })

  it('as warnings of the process, where no log is given', async () => {
    const deaths = Tally.create('deaths of read')
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    await using _ = await SqliteStore.open({
      path,
      readers: 1,
      ...internalOptions({ operationsFile: steeredWorker }),
    })
    const warned = once(process, 'warning') as Promise<[Error & { detail?: string }]>
    deaths.add()
    const [warning] = await warned
    expect(warning).toMatchObject({
      name: 'CqStoreWarning',
      message: 'the reader 1 crashed (died idle); restarting it',
      detail: expect.stringContaining('died idle'),
    })
  })
})
