import type { Failure } from '../threads/reply.ts'
import type { FileFault } from './open-file.ts'

/** Codes of failures that are the database's fault, not the caller's. */
const faults = ['unavailable', 'outcome_unknown', 'internal']

const fileFaults: Readonly<Record<FileFault, string>> = {
  moved:
    'the database file, or its write-ahead log, was moved, removed or replaced while it was open; what would ' +
    'be written could be lost. Put it back, or open the store anew',
  unlocked:
    'something else in this process has closed the database file, which dropped the locks of this store; what ' +
    'is written could be lost once another process opens it. Open the store anew',
}

/** Whether a database works, derived from how calls end. Its reasons contain nothing private. */
export class Health {
  /** Why writes fail, until one succeeds. */
  #writeFault: string | undefined
  #isDamaged = false
  #fileFault: FileFault | undefined

  /** Notes that a worker failed to write. */
  noteWriteFailure(failure: Failure): void {
    this.noteReadFailure(failure)
    if (faults.includes(failure.code)) this.#writeFault = wordsOf(failure.message)
  }

  /** Notes that a worker failed to read. */
  noteReadFailure({ code }: Failure): void {
    if (code === 'corrupt') this.#isDamaged = true
  }

  /** Whether a write is to be tried. */
  get mustTryWriting(): boolean {
    return this.#writeFault !== undefined
  }

  /** Notes that a trial write succeeded. */
  noteWritten(): void {
    this.#writeFault = undefined
  }

  /** Notes the state of the files. Returns whether it has changed. */
  noteFiles(fault: FileFault | undefined): boolean {
    if (this.#fileFault === fault) return false
    this.#fileFault = fault
    return true
  }

  /** What is wrong with the files. */
  get fileFault(): string | undefined {
    return this.#fileFault && fileFaults[this.#fileFault]
  }

  /** Why writes are refused. Lost locks alone are no reason, as long as nobody deletes the log. */
  get writeBan(): string | undefined {
    return this.#fileFault === 'moved' ? fileFaults.moved : undefined
  }

  /** Why the database does not work, without a path of this machine. */
  get reason(): string | undefined {
    if (this.#isDamaged) return 'the database file is damaged'
    if (this.#fileFault) return this.fileFault?.split(';', 1)[0]
    return this.#writeFault && `writes fail: ${this.#writeFault}`
  }
}

/** The part of a failure's message that explains SQLite's code. */
function wordsOf(message: string): string {
  const [words = ''] = / \(SQLITE_/.test(message) ? message.split(' (SQLITE_', 1) : ['see the log']
  return words
}
