import { randomBytes } from 'node:crypto'
import { type FileHandle, lstat, open, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { realPathOf } from '../sqlite/database-file.ts'
import { removeWhenInterrupted } from './supervision.ts'

export interface WholeFileOptions {
  /** Whether a file that is there may be replaced. */
  readonly force: boolean
  /** What others may do with the file. */
  readonly mode: number
}

/**
 * Makes a file that is there whole or not at all: it is written beside its place under a temporary
 * name, pressed to the disk and put there last. Where the path is a link, its target is made.
 */
export async function writeWholeFile(
  path: string,
  { force, mode }: WholeFileOptions,
  write: (temporaryPath: string, file: FileHandle) => Promise<void>,
): Promise<void> {
  const destination = realPathOf(path)
  await requireFree(destination, force)
  const suffix = `${randomBytes(4).toString('hex')}.partial`
  const temporary = join(dirname(destination), `.${basename(destination)}.${suffix}`)
  removeWhenInterrupted(...companionsOf(temporary))
  await using file = await openNew(temporary, mode, destination)
  try {
    await write(temporary, file)
    await file.sync()
    await requireFree(destination, force)
    await rename(temporary, destination)
    await syncDirectory(dirname(destination))
  } catch (error) {
    for (const path of companionsOf(temporary)) await rm(path, { force: true })
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error
    throw new Error(`can't write ${destination}: ${(error as Error).message}`, { cause: error })
  }
}

/** Presses to the disk which names a directory has. */
export async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path)
  await directory.sync()
}

/** A file and what SQLite may put beside it. */
export function companionsOf(path: string): string[] {
  return ['', '-journal', '-wal', '-shm'].map((suffix) => `${path}${suffix}`)
}

async function requireFree(destination: string, force: boolean): Promise<void> {
  const there = await lstat(destination).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new Error(`can't write ${destination}: ${error.message}`, { cause: error })
  })
  if (!there) return
  if (!there.isFile()) throw new Error(`${destination} is there, and is no regular file`)
  if (!force) throw new Error(`${destination} is there already; --force replaces it`)
}

async function openNew(path: string, mode: number, destination: string): Promise<FileHandle> {
  try {
    return await open(path, 'wx', mode)
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const why = code === 'ENOENT' ? `there is no directory ${dirname(path)}` : message
    throw new Error(`can't write ${destination}: ${why}`, { cause: error })
  }
}
