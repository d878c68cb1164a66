import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { bound, canBind, withModes } from '../without-rights.ts'
import { copyOf, footprintOf, migrateFile } from './database-file.ts'

const program = fileURLToPath(new URL('./opening-once.ts', import.meta.url))

/** What a process without special rights tells that opens the file. */
function openWith(path: string, file: number, directory: number): Promise<string> {
  return withModes(path, { file, directory }, async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [program, path], bound)
    return stdout.trim()
  })
}

function migrated(): string {
  const path = copyOf('current')
  migrateFile(path)
  return path
}

describe.runIf(canBind(program))('opening a file that', () => {
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
