import { readlinkSync, realpathSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { OffloadError } from '../threads/errors.ts'
import { makeDirectory } from './directory.ts'

/** The most links in a row, as on Linux. */
const mostLinks = 40
/** A database contains hashes of passwords and keys. SQLite gives its log and index the same mode. */
const ownerOnly = 0o600

/**
 * The real path of a file, whether or not it exists: every symbolic link is followed. SQLite puts the write-ahead
 * log beside the target, not beside the link.
 * @throws {OffloadError} `invalid` if links lead in a circle
 */
export function realPathOf(path: string): string {
  let place = resolve(path)
  for (let links = 0; links < mostLinks; links++) {
    try {
      return realpathSync(place)
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'ELOOP') break
      // Whoever uses the path reports what is wrong with it.
      if (code !== 'ENOENT' || dirname(place) === place) return place
    }
    const directory = realPathOf(dirname(place))
    place = join(directory, basename(place))
    const target = targetOf(place)
    if (target === undefined) return place
    place = resolve(directory, target)
  }
  throw new OffloadError('invalid', `${path} leads nowhere: its symbolic links go in a circle`)
}

function targetOf(link: string): string | undefined {
  try {
    return readlinkSync(link)
  } catch {
    return undefined
  }
}

/**
 * Creates a database file and its directory if they do not exist: empty, and for its owner only, whatever the
 * umask. An existing file keeps its mode.
 * @throws {OffloadError} `unavailable`
 */
export async function makeDatabaseFile(path: string): Promise<void> {
  await makeDirectory(dirname(path))
  try {
    await using file = await open(path, 'wx', ownerOnly)
    // In case the umask takes rights from the owner, too. Node's permission model forbids it.
    if (((await file.stat()).mode & 0o777) !== ownerOnly) await file.chmod(ownerOnly)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return
    const why = `the database file cannot be made: ${(error as Error).message}`
    throw new OffloadError('unavailable', why, { cause: error })
  }
}
