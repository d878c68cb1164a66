import type { KnowledgeStats, KnowledgeUnit, ReviewStats } from '../src/index.ts'
import type { Query } from './corpus.ts'

export type Awaitable<T> = T | Promise<T>

/** What an acknowledged write survives: a crash of the process, or with `full` a power loss, too. */
export type Durability = 'normal' | 'full'

/** A way to keep knowledge units in SQLite, opened on a file that is seeded already. */
export interface Contender {
  /** The unit if it is approved, as a whole object: parsed, absent values `null`. */
  get(id: string): Awaitable<KnowledgeUnit | null>
  /** Adds a unit and its domains. Done only once it is committed. */
  insert(unit: KnowledgeUnit): Awaitable<void>
  /** The best approved units that share a domain, as `Store.query` ranks them. */
  query(query: Query): Awaitable<KnowledgeUnit[]>
  /** Adds one confirmation to an approved unit, and loses no other's. Done only once it is committed. */
  confirm(id: string): Awaitable<KnowledgeUnit>
  /** Approves a pending unit. Done only once it is committed. @throws where it is not pending */
  decide(id: string): Awaitable<void>
  stats(): Awaitable<KnowledgeStats>
  /** What only the store itself offers. */
  reviewStats?(): Awaitable<ReviewStats>
  close(): Awaitable<void>
}

export interface ContenderOptions {
  readonly path: string
  /** Threads that read, for contenders that have any. */
  readonly readers: number
  readonly durability: Durability
}

export interface ContenderDescription {
  /** What it is and how it is set up, for whoever reads the figures. */
  readonly about: string
  /**
   * Whether a call holds up the caller's thread until it is done. Such a contender has the event loop
   * turn after each round of calls, as it does in a server whose requests arrive through the loop.
   */
  readonly blocks: boolean
  /** Whether it reads in threads of its own, as many as it is told. */
  readonly hasReaders: boolean
  /** Packages whose versions belong to the figures. */
  readonly packages: readonly string[]
  /** What installs it, where `npm ci` does not: without, it takes no part. */
  readonly installation?: string
  /** Loads it, in the contender's own process only. */
  open(options: ContenderOptions): Promise<Contender>
}
