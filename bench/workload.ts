import type { Awaitable, Contender } from './contender.ts'
import { type Corpus, randomNumbers } from './corpus.ts'

/** One call of a workload, on a contender that is open; each number stands for another one. */
export type Perform = (number: number) => Awaitable<unknown>

export interface WorkloadDescription {
  readonly about: string
  /** Whether threads that read have any part in it. */
  readonly reads: boolean
  /** Gets everything ready that a call needs, so that making it is not measured. */
  prepare(contender: Contender, corpus: Corpus): Perform
}

/** How many of an argument are prepared, to be used in turns. */
const prepared = 16_384

/** The part of a mix that inserts. */
const insertShare = 0.1

/** To add a workload, describe it here. */
export const workloads = {
  get: {
    about: 'one approved unit by its id, ids at random',
    reads: true,
    prepare(contender, corpus) {
      const ids = corpus.storedIds(prepared)
      return (number) => contender.get(ids[number % prepared] as string)
    },
  },
  insert: {
    about: 'one new unit, with an id and domains of its own',
    reads: false,
    prepare: (contender, corpus) => (number) => contender.insert(corpus.freshUnit(number)),
  },
  query: {
    about: 'the best five units over two domains, popular domains more often',
    reads: true,
    prepare(contender, corpus) {
      const pairs = corpus.domainPairs(prepared)
      return (number) => contender.query(pairs[number % prepared] as string[])
    },
  },
  mix: {
    about: '90 % get and 10 % insert, in random order',
    reads: true,
    prepare(contender, corpus) {
      const ids = corpus.storedIds(prepared)
      const random = randomNumbers(prepared)
      const inserts = Array.from({ length: prepared }, () => random() < insertShare)
      return (number) =>
        inserts[number % prepared]
          ? contender.insert(corpus.freshUnit(number))
          : contender.get(ids[number % prepared] as string)
    },
  },
} as const satisfies Record<string, WorkloadDescription>

export type WorkloadName = keyof typeof workloads
