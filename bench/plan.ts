import { availableParallelism } from 'node:os'
import type { Durability } from './contender.ts'
import { type ContenderName, contenderNames, contenders } from './contenders.ts'
import { randomQueryCount } from './corpus.ts'
import { type WorkloadName, workloads } from './workload.ts'

/** A contender as it takes part. */
export interface Entrant {
  readonly name: string
  readonly contender: ContenderName
  /** Threads that read, 0 where it has none. */
  readonly readers: number
  /** Whether its file has the tables and triggers of this store, or those of the reference server alone. */
  readonly schema: 'store' | 'reference'
  /** Numbers of calls in flight. */
  readonly inFlight: readonly number[]
}

/** What a comparison is for. */
export type Purpose = 'contenders' | 'growth'

/** What is measured side by side: the first entrant is what the others are compared with. */
export interface Comparison {
  readonly purpose: Purpose
  readonly workload: WorkloadName
  readonly units: number
  readonly durability: Durability
  /** How many calls are measured, where it is not as many as there is time for. */
  readonly calls: number | null
  readonly entrants: readonly Entrant[]
}

export interface PlanOptions {
  readonly workloads: readonly WorkloadName[]
  /** Contenders that take part, the store itself always. */
  readonly contenders: readonly ContenderName[]
  /** Sizes of stores, in units, the smallest first. Contenders are compared at the first. */
  readonly sizes: readonly number[]
  /** Numbers of calls in flight; every contender is measured at the one that targets are about. */
  readonly inFlight: readonly number[]
  /** Readers of the store that is compared with one thread that calls SQLite directly. */
  readonly readers: number
}

/** As many as `SqliteStore` has where nothing is said. */
export const defaultReaders = Math.min(Math.max(availableParallelism(), 1), 8)
/** What is called directly on a file whose triggers keep this store's tables true, too. */
export const directOnStoreTables = "better-sqlite3, the store's tables"
/** How many calls are in flight where targets are about load. */
export const targetInFlight = 64
/** The largest store for which a query by fetch-and-score is waited for. */
const largestToScan = 100_000

const compared: readonly WorkloadName[] = [
  'get',
  'query-random',
  'query-rare',
  'insert',
  'confirm',
  'decide',
  'mix',
  'stats',
]
/** For which contenders the number of calls in flight is varied, and under which workloads. */
const swept: readonly WorkloadName[] = ['get', 'insert']
const sweptContenders: readonly ContenderName[] = [
  'better-sqlite3',
  'Piscina, a task per call',
  'SqliteStore',
]
const durable: readonly WorkloadName[] = ['insert']
/** One call at a time shows what a caller waits, many at once what each takes of a thread's time. */
const aloneAndAtLoad = [1, targetInFlight]
const growing: Partial<Record<WorkloadName, readonly number[]>> = {
  get: [1],
  'query-top-two': aloneAndAtLoad,
  'query-random': aloneAndAtLoad,
  // Each of them is to be told apart.
  'query-worst': [1],
  stats: aloneAndAtLoad,
  'review-stats': aloneAndAtLoad,
}
/** What is called directly, too, as the store grows, to show what is spared. */
const grownDirectly: readonly WorkloadName[] = ['query-top-two', 'stats']
/** Calls that differ, of which each is to have its part in the mean: so many are made, however long they take. */
const counted: Partial<Record<WorkloadName, number>> = {
  'query-random': randomQueryCount,
  'query-worst': 120,
}

/** The combinations that matter, out of the many that there are. */
export function plan(options: PlanOptions): Comparison[] {
  const [units = 0] = options.sizes
  const chosen = (workload: WorkloadName) => options.workloads.includes(workload)
  const atLoad = [targetInFlight]
  const contest = (workload: WorkloadName, durability: Durability): Comparison => ({
    purpose: 'contenders',
    workload,
    units,
    durability,
    calls: null,
    entrants: entrantsFor(workload, options).map((entrant) => ({
      ...entrant,
      inFlight:
        durability === 'normal' && isSwept(workload, entrant.contender) ? options.inFlight : atLoad,
    })),
  })
  return [
    ...compared.filter(chosen).map((workload) => contest(workload, 'normal')),
    ...durable.filter(chosen).map((workload) => contest(workload, 'full')),
    ...options.sizes.flatMap((size) =>
      options.workloads.flatMap((workload) => growth(workload, size)),
    ),
  ]
}

function isSwept(workload: WorkloadName, contender: ContenderName): boolean {
  return swept.includes(workload) && sweptContenders.includes(contender)
}

function entrantsFor(workload: WorkloadName, options: PlanOptions): Entrant[] {
  const { reads } = workloads[workload]
  const entrants = contenderNames
    .filter((name) => options.contenders.includes(name))
    .map((name) => entrant(name, contenders[name].hasReaders && reads ? defaultReaders : 0))
  if (reads && options.readers !== defaultReaders)
    entrants.push(entrant('SqliteStore', options.readers))
  // What the triggers cost that keep this store's tables true, whoever writes.
  if (!reads)
    entrants.push({
      ...entrant('better-sqlite3', 0),
      name: directOnStoreTables,
      schema: 'store',
    })
  return entrants
}

function entrant(contender: ContenderName, readers: number): Entrant {
  return {
    name: nameOf(contender, readers),
    contender,
    readers,
    schema: contender === 'SqliteStore' ? 'store' : 'reference',
    inFlight: [],
  }
}

/** What an entrant is called in tables. */
export function nameOf(contender: ContenderName, readers: number): string {
  return readers === 0
    ? contender
    : `${contender}, ${readers} ${readers === 1 ? 'reader' : 'readers'}`
}

function growth(workload: WorkloadName, units: number): Comparison[] {
  const inFlight = growing[workload]
  if (!inFlight) return []
  const store = { ...entrant('SqliteStore', 1), inFlight }
  const direct = { ...entrant('better-sqlite3', 0), inFlight: [1] }
  const hasDirect = units <= largestToScan && grownDirectly.includes(workload)
  return [
    {
      purpose: 'growth',
      workload,
      units,
      durability: 'normal',
      calls: counted[workload] ?? null,
      entrants: hasDirect ? [direct, store] : [store],
    },
  ]
}

/** Forwards and backwards in turns, so that no entrant is always the one that finds the disk busy. */
export function inOrderOf<Item>(run: number, items: readonly Item[]): readonly Item[] {
  return run % 2 === 0 ? items : items.toReversed()
}
