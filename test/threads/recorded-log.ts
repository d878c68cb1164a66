import type { Log } from '../../src/threads/log.ts'

interface Entry {
  readonly level: 'warn' | 'error'
  readonly details: object
  readonly message: string
}

/** Keeps what it is told, and lets a test wait for it. */
export class RecordedLog implements Log {
  readonly entries: Entry[] = []
  readonly #waiting: { level: string; count: number; resolve: () => void }[] = []

  warn(details: object, message: string): void {
    this.#add({ level: 'warn', details, message })
  }

  error(details: object, message: string): void {
    this.#add({ level: 'error', details, message })
  }

  messages(level: Entry['level']): string[] {
    return this.entries.filter((entry) => entry.level === level).map(({ message }) => message)
  }

  /** Resolves once there are so many entries of the level. */
  async told(level: Entry['level'], count = 1): Promise<void> {
    if (this.messages(level).length >= count) return
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.push({ level, count, resolve })
    await promise
  }

  #add(entry: Entry): void {
    this.entries.push(entry)
    const count = this.messages(entry.level).length
    for (const waiting of this.#waiting)
      if (waiting.level === entry.level && count >= waiting.count) waiting.resolve()
  }
}
