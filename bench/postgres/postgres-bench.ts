import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { SqliteStore } from '../../src/index.ts'
import type { Store } from '../../src/store.ts'
import { startServer } from '../../test/postgres/server.ts'
import { Corpus } from '../corpus.ts'
import { drive } from '../drive.ts'
import { describeMachine, type Machine } from '../machine.ts'
import { fill, openStore, Pool } from './contenders.ts'

export interface PostgresBenchOptions {
  readonly units: number
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly seed: number
}

export const full = { units: 100_000, rounds: 5, seconds: 1, warmUpSeconds: 1 } as const
export const quick = { units: 10_000, rounds: 1, seconds: 0.3, warmUpSeconds: 0.2 } as const

/** Who answers, what is asked, and how many calls are in flight. */
export interface Figure {
  readonly who: 'PostgresStore' | 'pg.Pool' | 'SqliteStore'
  readonly what: string
  readonly inFlight: number
}

export interface Measured extends Figure {
  /** Calls a second, round by round. */
  readonly perSecond: readonly number[]
}

export interface PostgresBench {
  readonly options: PostgresBenchOptions
  readonly machine: Machine
  readonly date: string
  readonly server: string
  readonly minutes: number
  readonly figures: readonly Measured[]
}

interface Measurement extends Figure {
  readonly call: (number: number) => Promise<unknown>
}

const many = 64

/**
 * Measures on a server of its own, in one process, and removes it and its files at the end.
 * @param signal ends it, after the figure that is being measured
 * @throws {Error} if a confirmation is lost
 */
export async function runPostgresBench(
  options: PostgresBenchOptions,
  signal: AbortSignal,
  onProgress: (text: string) => void,
): Promise<PostgresBench> {
  const began = performance.now()
  const { units, rounds, seed } = options
  const machine = await describeMachine(tmpdir())
  const folder = await mkdtemp(join(tmpdir(), 'cq-store-bench-postgres-'))
  const server = await startServer({ settings: { fsync: 'on', shared_buffers: '512MB' } })
  try {
    const corpus = new Corpus(units, seed)
    await using postgresStore = await openStore(server.url)
    await using sqliteStore = await SqliteStore.open({
      path: join(folder, 'cq.db'),
      durability: 'full',
    })
    const stores = { PostgresStore: postgresStore, SqliteStore: sqliteStore }
    await using pool = new Pool(server.url)
    for (const [name, store] of Object.entries(stores)) {
      onProgress(`filling ${name} with ${units} units`)
      await fill(store, units, (index) => corpus.unitAt(index), signal)
      // Loads its index.
      await store.query(corpus.popularDomains(1))
    }
    await fill(stores.PostgresStore, 1, () => corpus.freshUnit(0), signal)
    const measurements = measurementsOf(stores, pool, corpus)
    const perSecond = measurements.map((): number[] => [])
    for (let round = 0; round < rounds; round++) {
      onProgress(`round ${round + 1} of ${rounds}`)
      const order = [...measurements.keys()]
      for (const place of round % 2 === 0 ? order : order.reverse()) {
        signal.throwIfAborted()
        perSecond[place]?.push(await measure(measurements[place] as Measurement, options))
      }
    }
    const lost = await lostConfirmations(stores.PostgresStore, corpus)
    if (lost !== 0) throw new Error(`${lost} confirmations of ${confirmed.answered} were lost`)
    return {
      options,
      machine,
      date: new Date().toISOString(),
      server: await versionOf(server.url),
      minutes: (performance.now() - began) / 60_000,
      figures: measurements.map(({ who, what, inFlight }, place) => ({
        who,
        what,
        inFlight,
        perSecond: perSecond[place] ?? [],
      })),
    }
  } finally {
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function measure(
  { call, inFlight }: Measurement,
  { seconds, warmUpSeconds }: PostgresBenchOptions,
): Promise<number> {
  const operations = 1e9
  const driving = { inFlight, operations, blocks: false, from: 0 }
  await drive(call as never, { ...driving, seconds: warmUpSeconds })
  const driven = await drive(call as never, { ...driving, seconds })
  return driven.operations / driven.seconds
}

/** The unit that is confirmed by all, and how often that was answered. */
const confirmed = { answered: 0 }

function measurementsOf(
  stores: Readonly<Record<'PostgresStore' | 'SqliteStore', Store>>,
  pool: Pool,
  corpus: Corpus,
): Measurement[] {
  const ids = corpus.storedIds(10_000)
  const idOf = (number: number) => ids[number % ids.length] as string
  const [topTwo] = corpus.queries('top-two', 1)
  const contexts = corpus.queries('context', 100)
  let fresh = 1
  const of = (who: 'PostgresStore' | 'SqliteStore'): Measurement[] => {
    const store = stores[who]
    const one = (what: string, call: Measurement['call']) => ({ who, what, inFlight: 1, call })
    const together = (what: string, call: Measurement['call']) => ({
      who,
      what,
      inFlight: many,
      call,
    })
    return [
      one('query, the two most popular domains', () => store.query(topTwo?.domains ?? [])),
      one('query with a full context', (number) => {
        const { domains = [], languages, frameworks, pattern } = contexts[number % 100] ?? {}
        return store.query(domains, { languages, frameworks, pattern })
      }),
      one('statistics for agents', () => store.stats()),
      one('statistics for reviewers', () => store.reviewStats()),
      together('get', (number) => store.get(idOf(number))),
      together('query, the two most popular domains', () => store.query(topTwo?.domains ?? [])),
      together('insert', () => store.insert(corpus.freshUnit(fresh++))),
      together('confirm, distinct units', (number) => store.confirm(idOf(number))),
    ]
  }
  const confirmOne: Measurement = {
    who: 'PostgresStore',
    what: 'confirm, one unit',
    inFlight: many,
    async call() {
      await stores.PostgresStore.confirm(corpus.freshId(0))
      confirmed.answered++
    },
  }
  return [
    { who: 'pg.Pool', what: 'select 1', inFlight: 1, call: () => pool.ping() },
    { who: 'pg.Pool', what: 'get', inFlight: many, call: (number) => pool.get(idOf(number)) },
    {
      who: 'pg.Pool',
      what: 'insert',
      inFlight: many,
      call: () => pool.insert(corpus.freshUnit(fresh++)),
    },
    ...of('PostgresStore'),
    confirmOne,
    ...of('SqliteStore'),
  ]
}

/** How many confirmations of the one unit were answered and are not there. */
async function lostConfirmations(store: Store, corpus: Corpus): Promise<number> {
  const unit = await store.get(corpus.freshId(0))
  const { confirmations: before } = corpus.freshUnit(0).evidence
  return before + confirmed.answered - (unit?.evidence.confirmations ?? 0)
}

async function versionOf(url: string): Promise<string> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query('show server_version')
  await client.end()
  return String(rows[0]?.server_version)
}
