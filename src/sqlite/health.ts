import type { CallReply } from '../offload/reply.ts'
import type { FileFault } from './open-file.ts'

/** Failures that are the database's and not the caller's. */
const faults = ['unavailable', 'outcome_unknown', 'internal']

const fileFaults: Readonly<Record<FileFault, string>> = {
  moved:
    'the database file, or its write-ahead log, was moved, removed or replaced while it was open; what would ' +
    'be written could be lost. Put it back, or open the store anew',
  unlocked:
    'something else in this process has closed the database file, which dropped the locks of this store; what ' +
    'is written could be lost once another process opens it. Open the store anew',
}

/** What is known of whether a store can do its work, by how its calls end. It has words for strangers, too. */
export class Health {
  /** Why writes fail, since one did, until one is seen to succeed. */
  #writeFault: string | undefined
  #isDamaged = false
  #fileFault: FileFault | undefined

  /** Notes what a worker replied to a write. */
  noteWrite(reply: CallReply | undefined): void {
    this.noteRead(reply)
    if (typeof reply === 'object' && 'code' in reply && faults.includes(reply.code))
      this.#writeFault = wordsOf(reply.message)
  }

  /** Notes what a worker replied to a read. */
  noteRead(reply: CallReply | undefined): void {
    if (typeof reply === 'object' && 'code' in reply && reply.code === 'corrupt')
      this.#isDamaged = true
  }

  /** Whether it is to be tried if a write succeeds. */
  get mustTryWriting(): boolean {
    return this.#writeFault !== undefined
  }

  /** Writing was tried, and succeeded. */
  noteWritten(): void {
    this.#writeFault = undefined
  }

  /** Notes what is wrong with the files. Answers whether that is news. */
  noteFiles(fault: FileFault | undefined): boolean {
    if (this.#fileFault === fault) return false
    this.#fileFault = fault
    return true
  }

  /** What is wrong with the files. */
  get fileFault(): string | undefined {
    return this.#fileFault && fileFaults[this.#fileFault]
  }

  /** Why nothing may be written. Without locks it may, as long as nobody takes the log away. */
  get writeBan(): string | undefined {
    return this.#fileFault === 'moved' ? fileFaults.moved : undefined
  }

  /** Why the store can't do its work, without a path of this machine. */
  get reason(): string | undefined {
    if (this.#isDamaged) return 'the database file is damaged'
    if (this.#fileFault) return this.fileFault?.split(';', 1)[0]
    return this.#writeFault && `writes fail: ${this.#writeFault}`
  }
}

/** As much of a failure's message as says what SQLite's code means. */
function wordsOf(message: string): string {
  const [words = ''] = / \(SQLITE_/.test(message) ? message.split(' (SQLITE_', 1) : ['see the log']
  return words
}
