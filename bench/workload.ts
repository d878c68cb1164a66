import type { Awaitable, Contender } from './contender.ts'
import { type Corpus, type Query, randomNumbers } from './corpus.ts'

/** One call of a workload, on a contender that is open; each number stands for another one. */
export type Perform = (number: number) => Awaitable<unknown>

export interface WorkloadDescription {
  readonly about: string
  /** Whether threads that read have any part in it. */
  readonly reads: boolean
  /** Whether it changes the file, so that each measurement needs one of its own. */
  readonly writes: boolean
  /** How many different calls are made in turns, where they are few and each is to be told apart. */
  turns?(corpus: Corpus): number
  /** Gets everything ready that a call needs, so that making it is not measured. */
  prepare(contender: Contender, corpus: Corpus): Perform
}

/** How many of an argument are prepared, to be used in turns. */
const prepared = 16_384

/** The part of a mix that inserts. */
const insertShare = 0.1

function queries(about: string, queriesOf: (corpus: Corpus) => Query[]): WorkloadDescription {
  return {
    about,
    reads: true,
    writes: false,
    prepare(contender, corpus) {
      const asked = queriesOf(corpus)
      return (number) => contender.query(at(asked, number))
    },
  }
}

/** To add a workload, describe it here. */
export const workloads = {
  get: {
    about: 'one approved unit by its id, ids at random',
    reads: true,
    writes: false,
    prepare(contender, corpus) {
      const ids = corpus.storedIds(prepared)
      return (number) => contender.get(at(ids, number))
    },
  },
  'query-top-two': queries('the best five units over the two most popular domains', (corpus) =>
    corpus.queries('top-two', 1),
  ),
  'query-random': queries(
    'the best five units over one to four domains, popular ones more often, half with a language, a framework, a pattern or some of them; 2,000 different queries in turns',
    (corpus) => corpus.randomQueries(),
  ),
  'query-rare': queries('the best five units over two domains that ten units each have', (corpus) =>
    corpus.queries('rare', prepared),
  ),
  'query-worst': {
    ...queries(
      'the best fifty units, asked for in the worst ways known, in turns: over three to sixteen domains, popular ones or such as units have in pairs and never all of, with every language and framework there is, or with some that few units have and none together',
      (corpus) => corpus.worstQueries(),
    ),
    turns: (corpus) => corpus.worstQueries().length,
  },
  insert: {
    about: 'one new unit, with an id and domains of its own',
    reads: false,
    writes: true,
    prepare: (contender, corpus) => (number) => contender.insert(corpus.freshUnit(number)),
  },
  confirm: {
    about: 'one more confirmation of an approved unit, ids at random',
    reads: false,
    writes: true,
    prepare(contender, corpus) {
      const ids = corpus.storedIds(prepared)
      return (number) => contender.confirm(at(ids, number))
    },
  },
  decide: {
    about: 'a pending unit approved, each another one, of those that were added to the file before',
    reads: false,
    writes: true,
    prepare: (contender, corpus) => (number) => contender.decide(corpus.freshId(number)),
  },
  mix: {
    about: '90 % get and 10 % insert, in random order',
    reads: true,
    writes: true,
    prepare(contender, corpus) {
      const ids = corpus.storedIds(prepared)
      const random = randomNumbers(prepared)
      const inserts = Array.from({ length: prepared }, () => random() < insertShare)
      return (number) =>
        at(inserts, number)
          ? contender.insert(corpus.freshUnit(number))
          : contender.get(at(ids, number))
    },
  },
  stats: {
    about: 'the figures of `GET /api/v1/knowledge/stats`',
    reads: true,
    writes: false,
    prepare: (contender) => () => contender.stats(),
  },
  'review-stats': {
    about: 'the figures of `GET /api/v1/review/stats`, which only the store itself offers',
    reads: true,
    writes: false,
    prepare: (contender) => () => contender.reviewStats?.(),
  },
} as const satisfies Record<string, WorkloadDescription>

export type WorkloadName = keyof typeof workloads
export const workloadNames = Object.keys(workloads) as WorkloadName[]

function at<T>(prepared: readonly T[], number: number): T {
  return prepared[number % prepared.length] as T
}
