import type { RankedList } from './ranked-list.ts'

/** What a unit may be found or ranked by. */
export type TermKind = 'domain' | 'language' | 'framework' | 'pattern'
export const termKinds: readonly TermKind[] = ['domain', 'language', 'framework', 'pattern']

/**
 * How many bits of a mark belong to each kind of term, and where they start; those of domains are its lowest two
 * bytes. A unit's mark has a bit for each of its terms. Several terms share a bit, so that a mark shows which
 * terms a unit cannot have, without looking it up.
 */
const bitsOfKind = {
  domain: { first: 0, count: 16 },
  language: { first: 16, count: 5 },
  framework: { first: 21, count: 6 },
  pattern: { first: 27, count: 5 },
} as const satisfies Record<TermKind, { readonly first: number; readonly count: number }>

/** A domain, language, framework or pattern, and the units that have it. */
export interface Term {
  readonly kind: TermKind
  readonly text: string
  /** The number by which units refer to it. */
  readonly number: number
  /** Its bit in marks. */
  readonly bit: number
  /** The units that have it, by the number of domains that they have; see `listPlace`. */
  readonly lists: (RankedList | undefined)[]
  /** How many units have it. */
  units: number
}

/** The terms that any unit has. Terms without units are removed, and their numbers reused. */
export class Terms {
  readonly #byText: Readonly<Record<TermKind, Map<string, Term>>> = {
    domain: new Map(),
    language: new Map(),
    framework: new Map(),
    pattern: new Map(),
  }
  readonly #byNumber: (Term | undefined)[] = []
  readonly #free: number[] = []

  /** One more than the highest number so far. */
  get numbers(): number {
    return this.#byNumber.length
  }

  all(kind: TermKind): Iterable<Term> {
    return this.#byText[kind].values()
  }

  find(kind: TermKind, text: string): Term | undefined {
    return this.#byText[kind].get(text)
  }

  at(number: number): Term {
    return this.#byNumber[number] as Term
  }

  findOrAdd(kind: TermKind, text: string): Term {
    const known = this.#byText[kind].get(text)
    if (known) return known
    const { first, count } = bitsOfKind[kind]
    const number = this.#free.pop() ?? this.#byNumber.length
    // In turns, so that the first terms, which are mostly the popular ones, have bits of their own.
    const bit = 1 << (first + (this.#byText[kind].size % count))
    const term: Term = { kind, text, number, bit, lists: [], units: 0 }
    this.#byText[kind].set(text, term)
    this.#byNumber[number] = term
    return term
  }

  /** To be called when no unit has it any more. */
  forget({ kind, text, number }: Term): void {
    this.#byText[kind].delete(text)
    this.#byNumber[number] = undefined
    this.#free.push(number)
  }
}
