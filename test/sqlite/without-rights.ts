import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync } from 'node:fs'
import { dirname } from 'node:path'

/** Permissions bind every user but the superuser, who becomes this one. */
const nobody = 65_534
const isSuperuser = process.getuid?.() === 0

/** For a process that permissions are to bind. */
export const bound = isSuperuser ? { uid: nobody, gid: nobody } : {}

/** Not where permissions are another matter, or where that user may not even read this program. */
export function canBind(program: string): boolean {
  if (process.platform === 'win32') return false
  return spawnSync(process.execPath, ['--check', program], bound).status === 0
}

/** Hands a file and its directory, with these modes, to the user of a process that is bound. */
export async function withModes<Result>(
  path: string,
  { file, directory }: { readonly file: number; readonly directory: number },
  work: () => Promise<Result>,
): Promise<Result> {
  chmodSync(dirname(dirname(path)), 0o755)
  const entries: [string, number][] = [
    // SQLite gives what lies beside a file the mode of that.
    ...['', '-wal', '-shm'].map((end): [string, number] => [path + end, file]),
    [dirname(path), directory],
  ]
  for (const [entry, mode] of entries.filter(([entry]) => existsSync(entry))) {
    if (isSuperuser) chownSync(entry, nobody, nobody)
    chmodSync(entry, mode)
  }
  try {
    return await work()
  } finally {
    chmodSync(dirname(path), 0o755)
    chmodSync(path, 0o644)
  }
}
