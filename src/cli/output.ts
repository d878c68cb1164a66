import { writeSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** What first kept the standard output from being written. */
let fault: NodeJS.ErrnoException | undefined
let mayBeLost = false

/**
 * Has the command line survive readers that go away and disks that are full. Whether all was written is
 * told at the end, by `lostOutput`. What nobody hears on the standard error output is lost.
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

/** Whether the standard output is a file, which is written to at once; a pipe takes what it can, and the rest later. */
export function isOutputFile(): boolean {
  return (process.stdout as { _type?: string })._type === 'fs'
}

/** Writes to a standard output that is a file. Node takes a short write, with which a full disk begins, for a whole one. */
export function writeToFile(chunk: Buffer): void {
  for (let written = 0; written < chunk.length; )
    written += writeSync(process.stdout.fd, chunk, written)
}

/** For a server, which is there to answer and not to be read: losing its output is no failure. */
export function allowLostOutput(): void {
  mayBeLost = true
}

/** Whether this is why the standard output could not be written. */
export function isOutputFault(error: unknown): boolean {
  return error !== undefined && error === fault
}

/** How long output is waited for that may be lost, in milliseconds. */
const patience = 1_000

/** Waits until all output is taken. Resolves to why some of it is lost, where that matters. */
export async function lostOutput(): Promise<NodeJS.ErrnoException | undefined> {
  const isTaken = new Promise<void>((resolve) => process.stdout.write('', () => resolve()))
  if (!mayBeLost) {
    await isTaken
    return fault
  }
  await Promise.race([isTaken, delay(patience, undefined, { ref: false })])
  return undefined
}

/** Whether there is output that would keep the process from ending, for want of anybody who reads it. */
export function isOutputStuck(): boolean {
  return mayBeLost && process.stdout.writableLength > 0
}

/** Writes a value for programs. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`)
}
