import { randomBytes } from 'node:crypto'
import { link, lstat, readdir, rename, rm } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { companionsOf, partialEnd, syncDirectory } from './whole-file.ts'

/** What belongs to a database that is not folded into it. */
const logs = ['-wal', '-journal']

/**
 * Keeps a database under a hidden name beside its place, so that another may be put there in one step; to
 * the last moment the place holds the old one, too. Logs go to the hidden name alone. Answers that name.
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

/**
 * Gives what was set aside a name that people see. Answers it, or `undefined` where there was nothing.
 */
export async function showReplaced(path: string, aside: string): Promise<string | undefined> {
  const shown = `${path}.replaced-${new Date().toISOString().replaceAll(/[-:]/g, '')}`
  let isAny = false
  for (const suffix of ['', ...logs])
    if (await renameWhereThere(`${aside}${suffix}`, `${shown}${suffix}`)) isAny = true
  await syncDirectory(dirname(path))
  return isAny ? shown : undefined
}

/** Deletes a database with what belongs to it. */
export async function discard(path: string): Promise<void> {
  for (const companion of companionsOf(path)) await rm(companion, { force: true })
}

/**
 * Cleans up after a restore that was killed. Where it had not replaced the database yet, that gets back
 * what was set aside of it; where it had, the replaced one gets the name that it was to have. Answers
 * those names.
 */
export async function recover(path: string): Promise<string[]> {
  const names = await readdir(dirname(path)).catch(() => [])
  const prefix = `.${basename(path)}.`
  // To the end, since another database may be called as this one with more behind it.
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
