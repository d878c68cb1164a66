import { randomBytes } from 'node:crypto'
import { link, lstat, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { companionsOf, partialEnd, syncDirectory } from './whole-file.ts'

/** Files of a database whose content is not in the main file. */
const logs = ['-wal', '-journal']

/**
 * Keeps a database under a hidden name beside its path, so that another can take the path in one step; until
 * then, the path has the old one, too. Its logs move to the hidden name. Returns that name.
 */
export async function setAside(path: string): Promise<string> {
  const aside = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString('hex')}.replaced`)
  if (await isThere(path))
    await link(path, aside).catch((error: NodeJS.ErrnoException) => {
      throw new Error(
        `can't keep ${path} while it is replaced: ${error.message}. Move it and what is called ` +
          `${basename(path)}-wal and ${basename(path)}-shm away yourself, and restore into the empty place`,
        { cause: error },
      )
    })
  for (const log of logs) await renameWhereThere(`${path}${log}`, `${aside}${log}`)
  await rm(`${path}-shm`, { force: true })
  await syncDirectory(dirname(path))
  return aside
}

/** Gives what was set aside a visible name, and returns it; `undefined` if there was nothing. */
export async function showReplaced(path: string, aside: string): Promise<string | undefined> {
  const shown = `${path}.replaced-${new Date().toISOString().replaceAll(/[-:]/g, '')}`
  let isAny = false
  for (const suffix of ['', ...logs])
    if (await renameWhereThere(`${aside}${suffix}`, `${shown}${suffix}`)) isAny = true
  await syncDirectory(dirname(path))
  return isAny ? shown : undefined
}

/** Deletes a database and its logs. */
export async function discard(path: string): Promise<void> {
  for (const companion of companionsOf(path)) await rm(companion, { force: true })
}

/**
 * Cleans up after a restore that was killed. If the database had not been replaced yet, it gets its logs back; if
 * it had, the old one gets its visible name. Returns these names.
 */
export async function recover(path: string): Promise<string[]> {
  const names = await readdir(dirname(path)).catch(() => [])
  const prefix = `.${basename(path)}.`
  // Up to the end of the name, since another database's may begin with this one's.
  const ends = names
    .filter((name) => name.startsWith(prefix))
    .map((name) => name.slice(prefix.length))
  for (const end of ends)
    if (partialEnd.test(end)) await rm(join(dirname(path), prefix + end), { force: true })
  const setAside = ends
    .map((end) => /^[0-9a-f]{8}\.replaced(?=$|-wal$|-journal$)/.exec(end)?.[0])
    .filter((end) => end !== undefined)
  const shown: string[] = []
  for (const end of new Set(setAside)) {
    const aside = join(dirname(path), prefix + end)
    if (await isSameFile(path, aside)) await putBack(path, aside)
    else shown.push((await showReplaced(path, aside)) ?? aside)
  }
  return shown
}

async function putBack(path: string, aside: string): Promise<void> {
  for (const log of logs)
    if (!(await isThere(`${path}${log}`))) await renameWhereThere(`${aside}${log}`, `${path}${log}`)
  await discard(aside)
  await syncDirectory(dirname(path))
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map((path) => lstat(path).catch(() => undefined)))
  return a !== undefined && a.dev === b?.dev && a.ino === b.ino
}

async function isThere(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined)) !== undefined
}

async function renameWhereThere(from: string, to: string): Promise<boolean> {
  if (!(await isThere(from))) return false
  await rename(from, to)
  return true
}
