import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { migrate } from '../../../src/sqlite/migrator.ts'
import { beforeEachStatement } from './before-each-statement.ts'
import {
  copyOf,
  faultsOf,
  migratedContent,
  migrateFile,
  newPath,
  onDatabase,
  referenceRows,
  writer,
} from './database-file.ts'
import type { Answer, Request } from './opening-process.ts'

const program = fileURLToPath(new URL('./opening-process.ts', import.meta.url))

let processes: ChildProcess[]

beforeAll(async () => {
  processes = Array.from({ length: 2 }, () => fork(program, { execArgv: [] }))
  expect(await answers()).toEqual(['ready', 'ready'])
})
afterAll(async () => {
  for (const one of processes) {
    const exit = once(one, 'exit')
    one.disconnect()
    await exit
  }
})

/** What both processes say next. Fails where one of them ends instead. */
function answers(): Promise<Answer[]> {
  return Promise.all(
    processes.map(async (one) => {
      const end = new AbortController()
      const ended = once(one, 'exit', { signal: end.signal }).then(([code]) => {
        throw new Error(`a process ended with ${code}`)
      })
      ended.catch(() => {})
      const [answer] = (await Promise.race([once(one, 'message'), ended])) as [Answer]
      end.abort()
      return answer
    }),
  )
}

/** Tells both at once, and hears what they answer. */
function tell(request: Request): Promise<Answer[]> {
  const heard = answers()
  for (const one of processes) one.send(request)
  return heard
}

const starts: [name: string, path: () => string, units: number][] = [
  ['a file that does not exist', newPath, 0],
  ['a file without a stamp', () => copyOf('unstamped'), 10],
  ['a file of the first releases', () => copyOf('first'), 10],
  ['a stamped file', () => copyOf('current'), 10],
]

describe.each(starts)('two processes that open %s at once', (_, start, units) => {
  const rounds = Array.from({ length: 3 }, (_, round) => round + 1)
  const manyRounds = Array.from({ length: 20 }, (_, round) => round + 1)

  it('by stores: both serve it, and see what the other wrote', async () => {
    for (const round of rounds) {
      const path = start()
      expect(await tell({ open: path }), `round ${round}`).toEqual(['done', 'done'])
      const [count] = onDatabase(path, (db) =>
        db.prepare('select count(*) from knowledge_units').pluck().all(),
      )
      expect(count).toBe(units + 2)
      expect(await tell({ close: true })).toEqual(['done', 'done'])
      expect(faultsOf(path)).toEqual([])
      expect(referenceRows(path).alembic_version).toEqual([{ version_num: '0001' }])
    }
  })

  it('and only migrate it: each time it is migrated once, as by one process', async () => {
    const alone = start()
    migrateFile(alone)
    for (const round of manyRounds) {
      const path = start()
      expect(await tell({ migrate: path }), `round ${round}`).toEqual(['done', 'done'])
      expect(migratedContent(path)).toEqual(migratedContent(alone))
      expect(faultsOf(path)).toEqual([])
    }
  })
})

describe.each(starts)('a process that opens %s', (_, start) => {
  it('may be overtaken by another one between any two of its statements', () => {
    const alone = start()
    migrateFile(alone)
    for (let turn = 1, isOver = false; !isOver; turn++) {
      const path = start()
      const overtaken = writer(path)
      let statements = 0
      const stop = beforeEachStatement(overtaken.sqlite, () => {
        if (++statements === turn) migrateUnlessLocked(path)
      })
      migrate(overtaken, 5_000)
      overtaken.sqlite.close()
      stop()
      expect(migratedContent(path), `turn ${turn}`).toEqual(migratedContent(alone))
      isOver = statements < turn
    }
  })
})

function migrateUnlessLocked(path: string): void {
  try {
    migrateFile(path, 0)
  } catch (error) {
    if (!(error as Error).message.includes('SQLITE_BUSY')) throw error
  }
}
