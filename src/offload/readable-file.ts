import { rmSync, statSync } from 'node:fs'
import {
  access,
  chmod,
  constants,
  copyFile,
  mkdtemp,
  open,
  rm,
  stat,
  statfs,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { OffloadError } from '../threads/errors.ts'

/** Where a database can be read. Disposing of a copy deletes it. */
export interface ReadableFile extends AsyncDisposable {
  readonly path: string
  /** Whether it is a private copy, since the file could not be read in its place. */
  readonly isCopy: boolean
  /** The state of the write-ahead log, if readers create one and may delete it again. */
  readonly logAsFound?: string
}

/** How often a copy is repeated if somebody writes meanwhile. */
const mostCopies = 3

/**
 * Decides where to read a database that must not be changed. To read a file with a write-ahead log, SQLite needs
 * the log and its index beside it. If they do not exist, and cannot be created and deleted again, a copy in a
 * private directory is read, including the log's content.
 * @param onCopy called with the directory of a copy before anything is in it
 * @throws {OffloadError} `unavailable` if there is no such file, or it cannot be read or copied
 */
export async function readableFile(
  path: string,
  onCopy: (directory: string) => void = () => {},
): Promise<ReadableFile> {
  try {
    for (let copies = 0; copies < mostCopies; copies++) {
      const before = await footprint(path)
      const inPlace = await readableInPlace(path)
      if (inPlace) return inPlace
      const copy = await copyOf(path, onCopy)
      if ((await footprint(path)) === before) return copy
      await copy[Symbol.asyncDispose]()
    }
  } catch (error) {
    if (error instanceof OffloadError) throw error
    const why = `the database ${path} cannot be read: ${(error as Error).message}`
    throw new OffloadError('unavailable', why, { cause: error })
  }
  throw new OffloadError(
    'unavailable',
    `${path} keeps changing while it is copied to be read; try again when nobody writes`,
  )
}

/** Whether this process may write to a database as SQLite does: to the file, and beside it. */
export async function isWritable(path: string): Promise<boolean> {
  try {
    for (const entry of [path, dirname(path)]) await access(entry, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** The state of a write-ahead log, to detect that it changes; `none` if there is none. */
export function logState(path: string): string {
  const log = statSync(`${path}-wal`, { bigint: true, throwIfNoEntry: false })
  return log ? `${log.size} ${log.mtimeNs}` : 'none'
}

async function readableInPlace(path: string): Promise<ReadableFile | undefined> {
  const inPlace = { path, isCopy: false, [Symbol.asyncDispose]: async () => {} }
  if (await isWritable(path)) return { ...inPlace, logAsFound: logState(path) }
  if (!(await usesLog(path))) return inPlace
  // Somebody has it open, or had until their process crashed.
  const [log, index] = await Promise.all([entry(`${path}-wal`), entry(`${path}-shm`)])
  return log && index ? inPlace : undefined
}

/** Whether the file's header says that it has a write-ahead log. */
async function usesLog(path: string): Promise<boolean> {
  await using file = await open(path, 'r')
  const version = Buffer.alloc(1)
  await file.read(version, 0, 1, 18)
  return version[0] === 2
}

async function copyOf(path: string, onCopy: (directory: string) => void): Promise<ReadableFile> {
  const directory = await mkdtemp(join(tmpdir(), 'cq-store-read-')).catch((error: Error) => {
    const why = `${path} can't be written, so it has to be copied to be read: ${error.message}`
    throw new OffloadError('unavailable', `${why}; set TMPDIR to a directory that can be written`, {
      cause: error,
    })
  })
  onCopy(directory)
  const removeAtExit = () => rmSync(directory, { recursive: true, force: true })
  process.once('exit', removeAtExit)
  const dispose = async () => {
    await rm(directory, { recursive: true, force: true })
    process.off('exit', removeAtExit)
  }
  try {
    const parts = await partsOf(path)
    const bytes = parts.reduce((sum, { size }) => sum + size, 0n)
    const { bavail, bsize } = await statfs(directory, { bigint: true })
    if (bytes > bavail * bsize)
      throw new OffloadError(
        'unavailable',
        `${path} can't be written, so it has to be copied to be read, but ${dirname(directory)} has no ` +
          `room for its ${bytes} bytes: set TMPDIR to a directory with more`,
      )
    const copy = join(directory, 'cq.db')
    for (const { suffix } of parts) {
      await copyFile(path + suffix, copy + suffix, constants.COPYFILE_FICLONE)
      await chmod(copy + suffix, 0o600)
    }
    return { path: copy, isCopy: true, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await dispose()
    throw error
  }
}

/** The file and its write-ahead log, if there is one. @throws if it is not a file */
async function partsOf(path: string) {
  const file = await stat(path, { bigint: true })
  if (!file.isFile()) throw new Error('it is not a regular file')
  const log = await entry(`${path}-wal`)
  return [{ suffix: '', ...file }, ...(log ? [{ suffix: '-wal', ...log }] : [])]
}

/** What changes when somebody writes to a database. */
async function footprint(path: string): Promise<string> {
  const parts = await partsOf(path)
  return parts.map(({ ino, size, mtimeNs, ctimeNs }) => [ino, size, mtimeNs, ctimeNs]).join('; ')
}

async function entry(path: string) {
  try {
    return await stat(path, { bigint: true })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
