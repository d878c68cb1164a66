import type { RankedList } from './ranked-list.ts'

/** What a unit may be found or ranked by. */
export type TermKind = 'domain' | 'language' | 'framework' | 'pattern'
export const termKinds: readonly TermKind[] = ['domain', 'language', 'framework', 'pattern']

/**
 * How many bits of a mark stand for each kind, and where they begin; those for domains are its lowest two bytes.
 * A mark has one for each term of a unit. Terms share them, so that a mark tells which ones a unit can't have,
 * without looking it up.
 */
const bitsOfKind = {
  domain: { first: 0, count: 16 },
  language: { first: 16, count: 5 },
  framework: { first: 21, count: 6 },
  pattern: { first: 27, count: 5 },
} as const satisfies Record<TermKind, { readonly first: number; readonly count: number }>

/** One domain, language, framework or pattern, and the units that have it. */
export interface Term {
  readonly kind: TermKind
  readonly text: string
  /** The number by which units refer to it. */
  readonly number: number
  /** The one bit of marks that stands for it. */
  readonly bit: number
  /** The units that have it, at the number of domains that they have; see `listPlace`. */
  readonly lists: (RankedList | undefined)[]
  /** How many units have it. */
  units: number
}

/** The terms that some unit has. Those that no unit has any more are forgotten, and their numbers used again. */
export class Terms {
  readonly #byText: Readonly<Record<TermKind, Map<string, Term>>> = {
    domain: new Map(),
    language: new Map(),
    framework: new Map(),
    pattern: new Map(),
  }
  readonly #byNumber: (Term | undefined)[] = []
  readonly #free: number[] = []

  /** One more than the highest number there ever was. */
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
    // In turns, so that those that came first, which are mostly the popular ones, have bits of their own.
    const bit = 1 << (first + (this.#byText[kind].size % count))
    const term: Term = { kind, text, number, bit, lists: [], units: 0 }
    this.#byText[kind].set(text, term)
    this.#byNumber[number] = term
    return term
  }

  /** To be called where no unit has it any more. */
  forget({ kind, text, number }: Term): void {
    this.#byText[kind].delete(text)
    this.#byNumber[number] = undefined
    this.#free.push(number)
  }
}
