import { mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { OffloadError } from '../threads/errors.ts'

/**
 * Creates a directory and its parents if they do not exist. Step by step, since Node's own `recursive` never ends
 * below a directory that takes none, such as `/proc`.
 * @throws {OffloadError} `unavailable`
 */
export async function makeDirectory(path: string): Promise<void> {
  try {
    await makeEach(path)
  } catch (error) {
    const why = `the directory ${path} cannot be made: ${(error as Error).message}`
    throw new OffloadError('unavailable', why, { cause: error })
  }
}

/** For a store that creates no file. @throws {OffloadError} `unavailable` */
export async function requireThere(path: string): Promise<void> {
  try {
    await stat(path)
  } catch (error) {
    const why = `there is no database at ${path} that can be opened: ${(error as Error).message}`
    throw new OffloadError('unavailable', why, { cause: error })
  }
}

async function makeEach(path: string): Promise<void> {
  if (await isThere(path)) return
  if (dirname(path) !== path) await makeEach(dirname(path))
  try {
    await mkdir(path)
  } catch (error) {
    // Another process may have been faster, or there is something that is not a directory.
    if (!(await isThere(path))) throw error
  }
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory()
  } catch {
    return false
  }
}
