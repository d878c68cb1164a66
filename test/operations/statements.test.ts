import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { proposalMark } from '../../src/knowledge/same-proposal.ts'
import type { Connection } from '../../src/offload/connection.ts'
import { operations } from '../../src/operations/index.ts'
import type { Operation, OperationKind, StoreMethod } from '../../src/operations/operation.ts'
import {
  followAfter,
  knowsChangesAfter,
  lastChange,
  loadAfter,
} from '../../src/operations/ranked-units.ts'
import { RankingIndex } from '../../src/ranking/ranking-index.ts'
import { statements } from '../../src/sql/statement.ts'
import type { Steps } from '../../src/sql/steps.ts'
import { rankerOf, runOn } from './as-a-worker.ts'
import { calls, goneProposal } from './calls.ts'
import { migratedDatabase } from './migrated-database.ts'
import { queryPlan, scansOf, startsFromAnEnd } from './query-plan.ts'

const now = new Date('2026-11-22T12:00:00Z')

/** Statements that may go through a whole table or index, and why. */
const allowedScans: Readonly<Record<string, string>> = {
  'select recent activity': 'in the order of its indexes, as many as its limit',
  'select units that pass filters, newest first, from all':
    'in the order of the index, until as many are found as its limit',
  'select approved units by words': 'what an index of words finds, as many as its limit',
  'count the units that are to be indexed': 'as many as its limit',
  'select all units to be indexed': 'as many as its limit',
  'select the next units to be indexed': 'as many as its limit',
  'delete some proposals that are no longer recognised': 'the first few',
  'select the last change': 'no more than the last row',
  'select units that changed after a number, with the last change of each':
    'those that it has gathered, as many as its limit',
}

/** Statements that sort no more than some limits let them gather. */
const sortsFew = [
  'select recent activity',
  'select units that changed after a number, with the last change of each',
]

const folder = mkdtempSync(join(tmpdir(), 'cq-store-statements-'))
const usedBy = new Map<string, Set<StoreMethod>>()
/** Before the planner was given statistics of what the tables hold, by a sample, and by all of it. */
const plans = {
  unknown: new Map<string, string[]>(),
  sampled: new Map<string, string[]>(),
  known: new Map<string, string[]>(),
}
let connection: Connection

beforeAll(() => {
  connection = migratedDatabase(join(folder, 'cq.db'))
  seed()
  // More than a search reads through; statistics are of a few.
  connection.sqlite.exec('delete from cq_store_unindexed where entry > 200')
  rankerOf(connection)
  plan('unknown')
  connection.sqlite.exec('pragma analysis_limit = 1000; analyze')
  plan('sampled')
  connection.sqlite.exec('pragma analysis_limit = 0; analyze')
  plan('known')
  for (const [method, each] of Object.entries(calls))
    for (const args of each) perform(method as StoreMethod, args)
  // What a ranker does at its start, and before each batch.
  const index = new RankingIndex()
  const none = { change: 0, unit_id: null }
  for (const steps of [
    lastChange(),
    loadAfter(index, ''),
    knowsChangesAfter(none),
    knowsChangesAfter({ ...none, change: 1 }),
    followAfter(index, none),
  ])
    drive('query', steps)
})
function plan(content: keyof typeof plans): void {
  for (const { name, compiled } of statements)
    plans[content].set(name, queryPlan(connection.sqlite, compiled('sqlite').sql))
}
afterAll(() => {
  connection.sqlite.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Many units of every status and many domains, with users and keys. */
function seed(): void {
  const { sqlite } = connection
  const insertUnit = sqlite.prepare(
    `insert into knowledge_units (id, data, status, reviewed_by, reviewed_at, created_at, tier)
     values (?, ?, ?, ?, ?, ?, ?)`,
  )
  const insertDomain = sqlite.prepare(
    'insert into knowledge_unit_domains (unit_id, domain) values (?, ?)',
  )
  const insertUser = sqlite.prepare(
    "insert into users (username, password_hash, created_at) values (?, 'hash', ?)",
  )
  const insertKey = sqlite.prepare(
    `insert into api_keys (id, user_id, name, key_prefix, key_hash, ttl, expires_at, created_at)
     values (?, ?, 'agent', 'abcdefgh', ?, '1d', ?, ?)`,
  )
  const { key, fingerprint } = proposalMark(goneProposal, undefined)
  const gone = [key, fingerprint, 'a unit that is gone', now.getTime()]
  connection.transactions.run(() => {
    sqlite
      .prepare('insert into cq_store_proposals (key, fingerprint, unit_id, at) values (?, ?, ?, ?)')
      .run(gone)
    for (let number = 0; number < 20_000; number++) {
      const id = `ku_${number.toString(16).padStart(32, '0')}`
      const day = `2026-${String(1 + (number % 11)).padStart(2, '0')}-${String(1 + (number % 28)).padStart(2, '0')}`
      const time = `${day}T12:00:00.${String(number).padStart(6, '0')}`
      const domains = [`domain ${number % 7}`, `domain ${number % 31}`, `domain ${number % 500}`]
      if (number % 3 > 0) domains.push('common')
      const unique = [...new Set(domains)]
      const document = {
        id,
        version: 1,
        domains: unique,
        insight: { summary: `Summary ${number}`, detail: 'Detail', action: 'Action' },
        context: { languages: [], frameworks: [], pattern: '' },
        evidence: {
          confidence: (number % 101) / 100,
          confirmations: 1,
          first_observed: `${time}Z`,
          last_confirmed: `${time}Z`,
        },
        tier: number % 3 === 0 ? 'public' : 'private',
        flags: [],
      }
      const status = ['approved', 'approved', 'approved', 'pending', 'rejected'][number % 5]
      const reviewed = status === 'pending' ? [null, null] : ['carol', `${time}+00:00`]
      const data = JSON.stringify(document)
      insertUnit.run(id, data, status, ...reviewed, `${time}+00:00`, document.tier)
      for (const domain of unique) insertDomain.run(id, domain)
    }
    for (let number = 0; number < 100; number++) {
      insertUser.run(`user ${number}`, now.toISOString())
      for (let key = 0; key < 20; key++) {
        const id = (number * 20 + key).toString(16).padStart(32, '0')
        insertKey.run(id, number + 1, `hash of ${id}`, '2027', now.toISOString())
      }
    }
  })
}

/** Runs an operation as a worker does, and notes its statements. */
function perform(method: StoreMethod, args: readonly unknown[]): void {
  const { prepare, run } = operations[method] as Operation<unknown[], unknown>
  drive(method, run(...prepare(now, ...args)))
}

function drive(method: StoreMethod, steps: Steps<unknown>): void {
  try {
    runOn(connection, noted(method, steps))
  } catch (error) {
    expect(error).toMatchObject({ code: 'conflict' })
  }
}

/** The same operation, which notes its statements. */
function noted(method: StoreMethod, steps: Steps<unknown>): Steps<unknown> {
  return {
    ...steps,
    next: (answer: unknown) => note(steps.next(answer)),
    throw: (error: unknown) => note(steps.throw(error)),
  } as typeof steps

  function note(result: ReturnType<typeof steps.next>): ReturnType<typeof steps.next> {
    if (result.done) return result
    if ('together' in result.value)
      return { value: { together: result.value.together.map((part) => noted(method, part)) } }
    if ('statement' in result.value) {
      const { name } = result.value.statement
      usedBy.set(name, (usedBy.get(name) ?? new Set()).add(method))
    }
    return result
  }
}

function kindsOf(name: string): OperationKind[] {
  return [...(usedBy.get(name) ?? [])].map((method) => {
    const kind: unknown = operations[method].kind
    // A listing may be a scan, as where there is no ranker; a query never is.
    if (typeof kind === 'function') return method === 'listUnits' ? 'scan' : 'rank'
    return kind as OperationKind
  })
}

describe('the statements', () => {
  it('are what is stated here, for both dialects, with the plan of SQLite', async () => {
    const intro =
      '# Every statement, and how SQLite goes about it\n\n' +
      'Written by `statements.test.ts`; `npx vitest run --config test/vitest.config.ts -u` writes it anew.'
    const sections = statements
      .map(({ name, compiled }) => {
        const [unknown = [], known = []] = [plans.unknown.get(name), plans.known.get(name)]
        const isSame = unknown.join() === known.join()
        return [
          `## ${name}`,
          `For ${[...(usedBy.get(name) ?? [])].map((method) => `\`${method}\``).join(', ')}.`,
          block('sql', 'SQLite', broken(compiled('sqlite').sql)),
          block('sql', 'PostgreSQL', broken(compiled('postgres').sql)),
          block('text', isSame ? 'Plan' : 'Plan without statistics', unknown),
          ...(isSame ? [] : [block('text', 'Plan with statistics', known)]),
        ].join('\n\n')
      })
      .sort()
    await expect(`${[intro, ...sections].join('\n\n')}\n`).toMatchFileSnapshot('statements.md')
  })

  it('each have a name of their own', () => {
    expect(new Set(statements.map(({ name }) => name)).size).toBe(statements.length)
  })

  it('are all used', () => {
    expect([...usedBy.keys()].sort()).toEqual(statements.map(({ name }) => name).sort())
  })

  it('bind as many values as they have places, in both dialects', () => {
    for (const { name, compiled } of statements) {
      const { sqlite, postgres } = { sqlite: compiled('sqlite'), postgres: compiled('postgres') }
      const places = [...sqlite.sql.matchAll(/\?/g)].length
      expect(sqlite.bind({}), name).toHaveLength(places)
      expect(postgres.bind({}), name).toHaveLength(places)
      const numbers = [...postgres.sql.matchAll(/\$(\d+)/g)].map(([, number]) => Number(number))
      expect(numbers, name).toEqual(Array.from({ length: places }, (_, index) => index + 1))
    }
  })
})

describe.each(['unknown', 'sampled', 'known'] as const)(
  'where the content of the tables is %s',
  (content) => {
    it('no statement of a read or a write goes through a whole table or index', () => {
      const scans = statements
        .filter(({ name }) => kindsOf(name).some((access) => access !== 'scan'))
        .filter(({ name }) => !(name in allowedScans))
        .filter(({ name }) => scansOf(plans[content].get(name) ?? []).length > 0)
      expect(scans.map(({ name }) => [name, plans[content].get(name)])).toEqual([])
    })

    it('nor does one of a scan, but for those that are allowed to', () => {
      const scans = statements.filter(
        ({ name }) => scansOf(plans[content].get(name) ?? []).length > 0,
      )
      expect(scans.map(({ name }) => name).sort()).toEqual(Object.keys(allowedScans).sort())
      // Sorting would read all of it, whatever the limit.
      // Of recent activity only the few are sorted that each index answers.
      for (const { name, compiled } of scans)
        if (/ limit /.test(compiled('sqlite').sql) && !sortsFew.includes(name))
          expect(plans[content].get(name)?.join(), name).not.toContain('TEMP B-TREE')
    })
  },
)

describe('the triggers that a write sets off', () => {
  it('begin at no end of a table, which is how a scan begins', () => {
    const writes = statements.filter(({ compiled }) => !/^select/i.test(compiled('sqlite').sql))
    expect(writes).not.toHaveLength(0)
    for (const { name, compiled } of writes.filter(({ name }) => !(name in allowedScans)))
      expect(startsFromAnEnd(connection.sqlite, compiled('sqlite').sql), name).toEqual([])
  })

  it('would be seen to, if they did, as a statement would', () => {
    const { sqlite } = connection
    const whole = ['select data from knowledge_units where tier = ?', 'select id from api_keys']
    for (const sql of whole) expect(scansOf(queryPlan(sqlite, sql)), sql).toHaveLength(1)
    sqlite.exec(`create trigger scan after delete on users
      begin delete from api_keys where name = old.username; end`)
    expect(startsFromAnEnd(sqlite, 'delete from users where id = ?')).toContain('api_keys')
    sqlite.exec('drop trigger scan')
  })
})

/** A statement broken into its clauses. */
function broken(sql: string): string[] {
  const lines: string[] = []
  let depth = 0
  let line = ''
  for (const word of sql.split(/(?<=[ ()])/)) {
    const isClause =
      depth === 0 &&
      /^(from|where|and|inner|group|order|limit|offset|values|set|on|select) ?$/.test(word) &&
      line !== ''
    if (isClause) {
      lines.push(line.trim())
      line = '  '
    }
    line += word
    depth += (word.match(/\(/g)?.length ?? 0) - (word.match(/\)/g)?.length ?? 0)
  }
  return [...lines, line.trim()].map((text, index) => (index === 0 ? text : `  ${text}`))
}

function block(language: string, title: string, lines: readonly string[]): string {
  if (lines.length === 0) return `${title}: nothing to look for.`
  return `${title}:\n\n\`\`\`${language}\n${lines.join('\n')}\n\`\`\``
}
