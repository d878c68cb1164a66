import type { BatchReply, Failure } from '../threads/reply.ts'
import { failureOf } from './errors.ts'
import { type Encoded, encode, type Form } from './values.ts'

/** Gathers the answers to a batch of calls. */
export class Answers {
  readonly #results: unknown[] = []
  #forms = ''
  #failures: Map<number, Failure> | undefined

  add({ value, form }: Encoded): void {
    this.#results.push(value)
    this.#forms += form
  }

  /** Adds the answers to other calls. */
  addAll(others: Answers): void {
    for (const [index, value] of others.#results.entries()) {
      const failure = others.#failures?.get(index)
      if (failure) this.#addFailed(failure)
      else this.add({ value, form: others.#forms[index] as Form })
    }
  }

  addFailure(error: unknown): void {
    this.#addFailed(failureOf(error))
  }

  #addFailed(failure: Failure): void {
    this.#failures ??= new Map()
    this.#failures.set(this.#results.length, failure)
    this.add({ value: undefined, form: 'v' })
  }

  reply(notices: readonly string[] | undefined): BatchReply {
    const [results, forms, failures] = [this.#results, this.#forms, this.#failures]
    return {
      results,
      forms,
      ...(failures && { failures }),
      ...(notices && { notices }),
    }
  }

  /** The answer to a single call. */
  static of(work: () => unknown, notices: () => readonly string[] | undefined): BatchReply {
    const answers = new Answers()
    try {
      answers.add(encode(work()))
    } catch (error) {
      answers.addFailure(error)
    }
    return answers.reply(notices())
  }
}
