import type { DestinationStream } from 'pino'
import { isOutputFile, writeToFile } from './output.ts'

/** The most unread log that is kept, in bytes. */
const mostKept = 1_048_576

export interface LogOutputOptions {
  /** Called once with what prevents writing. */
  readonly onFault: (error: Error) => void
  /** Called with the number of lost lines, once lines can be written again. */
  readonly onRecovered: (lost: number) => void
}

/**
 * Standard output as a destination of log lines that never blocks: what cannot be written, since the disk is full
 * or nobody reads the pipe, is dropped and counted.
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
