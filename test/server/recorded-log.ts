import { Writable } from 'node:stream'
import { pino } from 'pino'

/** A logger whose lines can be read. */
export function recordedLog() {
  const lines: string[] = []
  const stream = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk))
      done()
    },
  })
  return { lines, logger: pino({ level: 'trace' }, stream) }
}
