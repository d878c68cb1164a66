import type { BatchReply, Failure } from '../threads/reply.ts'
import { failureOf } from './errors.ts'
import { type Encoded, encode } from './values.ts'

/** Gathers the answers to a batch of calls. */
export class Answers {
  readonly #results: unknown[] = []
  #forms = ''
  #failures: Map<number, Failure> | undefined

  add({ value, form }: Encoded): void {
    this.#results.push(value)
    this.#forms += form
  }

  addFailure(error: unknown): void {
    this.#failures ??= new Map()
    this.#failures.set(this.#results.length, failureOf(error))
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
