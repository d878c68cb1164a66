import { randomUUID } from 'node:crypto'
import { link, rm, stat } from 'node:fs/promises'
import { OffloadError } from '../threads/errors.ts'
import { toError } from '../threads/reply.ts'
import { control } from './calls.ts'
import { makeDatabaseFile } from './database-file.ts'
import type { SqliteThread } from './threads.ts'

/** The longest that the thread of a backup may take to close, in milliseconds. */
const longestClose = 5_000

/**
 * Copies a database as of one moment into a new file, while others read and write. The file appears when it is
 * complete.
 * @param thread has nothing else to do, and is closed
 * @throws {OffloadError} `invalid` if there is such a file already; `unavailable`
 */
export async function backUp(thread: SqliteThread, destination: string): Promise<void> {
  await requireFree(destination)
  const part = `${destination}.${randomUUID()}.part`
  await makeDatabaseFile(part)
  try {
    await thread.start()
    try {
      const { failures } = await thread.answer([control('backup', 0, part)])
      const failure = failures?.get(0)
      if (failure) throw toError(failure)
    } finally {
      await thread.close(longestClose)
    }
    // Fails if somebody else was faster, in place of replacing their file.
    await link(part, destination)
  } catch (error) {
    if (error instanceof OffloadError) throw error
    const why = `the backup ${destination} cannot be made: ${(error as Error).message}`
    throw new OffloadError('unavailable', why, { cause: error })
  } finally {
    await rm(part, { force: true })
  }
}

async function requireFree(path: string): Promise<void> {
  const isThere = await stat(path).then(
    () => true,
    () => false,
  )
  if (isThere)
    throw new OffloadError('invalid', `there is a file ${path} already: name one that is new`)
}
