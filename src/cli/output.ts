import { writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** Why standard output could not be written. */
let fault: NodeJS.ErrnoException | undefined
let mayBeLost = false

/**
 * Makes the command line survive readers that go away and full disks. `lostOutput` reports at the end whether all
 * was written. What nobody reads on standard error is dropped.
 */
export function watchOutput(): void {
  const { stdout, stderr } = process
  stdout.on('error', (error) => {
    fault ??= error
  })
  stderr.on('error', () => {})
  if (isOutputFile())
    stdout._write = (chunk: Buffer, _encoding, done) => {
      try {
        writeToFile(chunk)
      } catch (error) {
        done(error as Error)
        return
      }
      done()
    }
}

/** Whether standard output is a file, which is written synchronously; a pipe takes what it can. */
export function isOutputFile(): boolean {
  return (process.stdout as { _type?: string })._type === 'fs'
}

/**
 * Writes to standard output that is a file. Node takes a short write, with which a full disk begins, for a
 * complete one.
 */
export function writeToFile(chunk: Buffer): void {
  for (let written = 0; written < chunk.length; )
    written += writeSync(process.stdout.fd, chunk, written)
}

/** For a server, whose purpose is not its output: losing that is no failure. */
export function allowLostOutput(): void {
  mayBeLost = true
}

/** Whether this error is why standard output could not be written. */
export function isOutputFault(error: unknown): boolean {
  return error !== undefined && error === fault
}

/** How long to wait for output that may be lost, in milliseconds. */
const patience = 1_000

/** Waits until all output is written. Resolves to why some was lost, if that matters. */
export async function lostOutput(): Promise<NodeJS.ErrnoException | undefined> {
  const isTaken = new Promise<void>((resolve) => process.stdout.write('', () => resolve()))
  if (!mayBeLost) {
    await isTaken
    return fault
  }
  await Promise.race([isTaken, delay(patience, undefined, { ref: false })])
  return undefined
}

/** Whether output that nobody reads would keep the process from ending. */
export function isOutputStuck(): boolean {
  return mayBeLost && process.stdout.writableLength > 0
}

/** Prints a value as JSON. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}
