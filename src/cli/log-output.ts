import type { DestinationStream } from 'pino'
import { isOutputFile, writeToFile } from './output.ts'

/** What of a log is kept at most that nobody has read yet, in bytes. */
const mostKept = 1_048_576

export interface LogOutputOptions {
  /** Told once of what keeps lines from being written. */
  readonly onFault: (error: Error) => void
  /** Told how many lines were lost, once one can be written again. */
  readonly onRecovered: (lost: number) => void
}

/**
 * The standard output as a place for log lines, which keeps nobody waiting: what can't be written, as where the
 * disk is full or nobody reads the pipe, is lost and counted.
 */
export class LogOutput implements DestinationStream {
  readonly #options: LogOutputOptions
  #lost = 0
  #isTold = false

  constructor(options: LogOutputOptions) {
    this.#options = options
    process.stdout.on('error', (error) => this.#tell(error))
  }

  write(line: string): void {
    try {
      if (isOutputFile()) writeToFile(Buffer.from(line))
      else if (!process.stdout.writable || process.stdout.writableLength >= mostKept)
        throw new Error('nobody reads it')
      else process.stdout.write(line)
    } catch (error) {
      this.#lost++
      this.#tell(error as Error)
      return
    }
    const lost = this.#lost
    this.#lost = 0
    if (lost > 0) this.#options.onRecovered(lost)
  }

  #tell(error: Error): void {
    if (this.#isTold) return
    this.#isTold = true
    this.#options.onFault(error)
  }
}
