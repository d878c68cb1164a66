import { createHash, randomBytes } from 'node:crypto'
import { type FileHandle, lstat, open, readdir, rename, rm } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { realPathOf } from '../sqlite/database-file.ts'
import { removeWhenInterrupted } from './supervision.ts'

export interface WholeFileOptions {
  /** Whether a file that is there may be replaced. */
  readonly force: boolean
  /** What others may do with the file. */
  readonly mode: number
  /** Whether the path may be a link, whose target is made then. @default true */
  readonly followsLinks?: boolean
}

/**
 * Makes a file that is there whole or not at all: it is written beside its place under a temporary
 * name, pressed to the disk and put there last. What processes left that were killed while they made the same
 * file is removed.
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
 * How the name of a file that is being made ends, and of what SQLite may put beside it: with who makes it, which
 * earlier versions did not say.
 */
export const partialEnd = /^(?:([0-9a-f]{8}-(\d+))-)?[0-9a-f]{8}\.partial(?:-wal|-shm|-journal)?$/

/** Who makes a file: the process, and the machine or container whose processes have such numbers. */
function maker(pid: number): string {
  return `${createHash('sha256').update(hostname()).digest('hex').slice(0, 8)}-${pid}`
}

/** Removes what processes of this machine that are no more were making in the place of a file. */
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
    // Which somebody else's is.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
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
