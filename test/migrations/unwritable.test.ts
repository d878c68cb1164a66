import { execFile, spawnSync } from 'node:child_process'
import { chmodSync, chownSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { copyOf, footprintOf, migrateFile } from './database-file.ts'

const program = fileURLToPath(new URL('opening-once.ts', import.meta.url))

/** Permissions bind every user but the superuser, who becomes this one. */
const nobody = 65_534
const isSuperuser = process.getuid?.() === 0
const identity = isSuperuser ? { uid: nobody, gid: nobody } : {}

/** Not where permissions are another matter, or where that user may not even read this project. */
const canTell =
  process.platform !== 'win32' &&
  spawnSync(process.execPath, ['--check', program], identity).status === 0

/** What a process without special rights tells that opens the file. */
async function openWith(path: string, file: number, directory: number): Promise<string> {
  chmodSync(dirname(dirname(path)), 0o755)
  const entries: [string, number][] = [
    [path, file],
    [dirname(path), directory],
  ]
  for (const [entry, mode] of entries) {
    if (isSuperuser) chownSync(entry, nobody, nobody)
    chmodSync(entry, mode)
  }
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [program, path], {
      ...identity,
    })
    return stdout.trim()
  } finally {
    chmodSync(dirname(path), 0o755)
    chmodSync(path, 0o644)
  }
}

function migrated(): string {
  const path = copyOf('current')
  migrateFile(path)
  return path
}

describe.runIf(canTell)('opening a file that', () => {
  it('may be written, though by another user than its owner, goes well', async () => {
    expect(await openWith(copyOf('current'), 0o666, 0o777)).toBe('opened')
  })

  const unwritable: [name: string, path: () => string, file: number, directory: number][] = [
    ['may not be written', () => copyOf('current'), 0o444, 0o777],
    ['may not be written and needs no migration', migrated, 0o444, 0o777],
    ['may not be read', migrated, 0o000, 0o777],
    ['lies where no log can be made beside it', () => copyOf('first'), 0o666, 0o555],
    ['needs no migration and lies where no log can be made', migrated, 0o666, 0o555],
    ['lies on what is read-only altogether', migrated, 0o444, 0o555],
  ]

  it.each(unwritable)('%s fails with `unavailable`', async (_, make, file, directory) => {
    const path = make()
    const before = footprintOf(path)
    expect(await openWith(path, file, directory)).toMatch(
      /^unavailable: the database file cannot be (written|opened)/,
    )
    expect(footprintOf(path).bytes).toBe(before.bytes)
  })
})
