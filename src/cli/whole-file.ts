import { createHash, randomBytes } from 'node:crypto'
import { type FileHandle, lstat, open, readdir, rename, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { realPathOf } from '../offload/database-file.ts'
import { removeWhenInterrupted } from './supervision.ts'

export interface WholeFileOptions {
  /** Whether an existing file may be replaced. */
  readonly force: boolean
  /** The mode of the file. */
  readonly mode: number
  /** Whether the path may be a link, whose target is then written. @default true */
  readonly followsLinks?: boolean
}

/**
 * Writes a file completely or not at all: under a temporary name beside its path, flushed to the disk, and
 * renamed at the end. Leftovers of processes that were killed while they wrote the same file are deleted.
 */
export async function writeWholeFile(
  path: string,
  { force, mode, followsLinks = true }: WholeFileOptions,
  write: (temporaryPath: string, file: FileHandle) => Promise<void>,
): Promise<void> {
  const destination = followsLinks ? realPathOf(path) : path
  await requireFree(destination, force)
  await removeLeavings(destination)
  const name = `.${basename(destination)}.${maker(process.pid)}-${randomBytes(4).toString('hex')}.partial`
  const temporary = join(dirname(destination), name)
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

/**
 * The end of the name of a file that is being written, or of what SQLite puts beside it; with its writer, which
 * earlier versions did not state.
 */
export const partialEnd = /^(?:([0-9a-f]{8}-(\d+))-)?[0-9a-f]{8}\.partial(?:-wal|-shm|-journal)?$/

/** Identifies the writer of a file: the process, and the machine or container that it runs on. */
function maker(pid: number): string {
  return `${createHash('sha256').update(hostname()).digest('hex').slice(0, 8)}-${pid}`
}

/** Deletes what processes of this machine that no longer exist were writing in place of a file. */
async function removeLeavings(destination: string): Promise<void> {
  const begin = `.${basename(destination)}.`
  const names = await readdir(dirname(destination)).catch(() => [])
  for (const name of names) {
    const [, by, pid] = (name.startsWith(begin) && partialEnd.exec(name.slice(begin.length))) || []
    if (by === undefined || by !== maker(Number(pid)) || isAlive(Number(pid))) continue
    await rm(join(dirname(destination), name), { force: true })
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Another user's process.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** Flushes a directory's entries to the disk. */
export async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path)
  await directory.sync()
}

/** A file, and what SQLite may put beside it. */
export function companionsOf(path: string): string[] {
  return ['', '-journal', '-wal', '-shm'].map((suffix) => `${path}${suffix}`)
}

async function requireFree(destination: string, force: boolean): Promise<void> {
  const there = await lstat(destination).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new Error(`can't write ${destination}: ${error.message}`, { cause: error })
  })
  if (!there) return
  if (!there.isFile()) throw new Error(`${destination} exists, and is not a regular file`)
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
