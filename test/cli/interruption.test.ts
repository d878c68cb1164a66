import { on } from 'node:events'
import { watch } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { copyOf, footprintOf, otherProgram } from '../sqlite/migrations/database-file.ts'
import { TemporaryDirectory } from '../sqlite/temporary-directory.ts'
import { sampleUnit, unitId } from '../store/samples.ts'
import { RunningCommand } from './command.ts'

let directory: TemporaryDirectory
beforeEach(async () => {
  directory = await TemporaryDirectory.create()
})
afterEach(() => directory[Symbol.asyncDispose]())

const start = (path: string, args: readonly string[], code = '', input?: string) =>
  new RunningCommand({
    isSupervised: true,
    args,
    environment: { CQ_DB_PATH: path },
    // Run by the command before anything else, so that it tells how far it is.
    nodeArgs: ['--import', `data:text/javascript,${encodeURIComponent(code)}`],
    keepsInput: true,
    ...(input !== undefined && { input }),
  })
const tellsOfHandlers = `process.on('newListener', (name) => {
  if (name === 'SIGTERM') console.error('interruptible')
})`
const tellsOfChild = "if (process.send) console.error('begun')"

/** Held by another program, so that a command waits for it as long as SQLite may. */
function lock(path: string): { free(): void } {
  const db = otherProgram(path)
  db.exec('PRAGMA journal_mode = DELETE; BEGIN EXCLUSIVE')
  return { free: () => db.exec('ROLLBACK') }
}

const line = (number: number) =>
  `${JSON.stringify({ knowledge_unit: sampleUnit(unitId(number), new Date()) })}\n`

describe('an import that is interrupted', () => {
  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('by %s tells what it has stored, in whole batches', async (signal, code) => {
    const path = directory.file('cq.db')
    await using store = await SqliteStore.open({ path, readers: 1 })
    const args = ['import', '-', '--batch-size', '2', '--json']
    await using command = start(path, args, '', line(0) + line(1) + line(2))
    while ((await store.count()) === 0) await new Promise(setImmediate)
    command.process.kill(signal)
    const outcome = await command.outcome
    expect(outcome).toMatchObject({
      code,
      stderr:
        `cq-store: interrupted by ${signal}. Stored before: 2 units, all of lines 1 to 2. ` +
        `To continue: cq-store import - --skip-existing (database: ${path})\n`,
    })
    expect(JSON.parse(outcome.stdout)).toEqual({
      path,
      dry_run: false,
      stored: 2,
      skipped: 0,
      lines: 2,
    })
    expect(await store.count()).toBe(2)
  })

  test('before it has stored anything says so, and makes no database', async () => {
    const path = directory.file('cq.db')
    await using command = start(path, ['import', '-'], tellsOfHandlers)
    await command.complains(/interruptible/)
    command.process.kill('SIGINT')
    const { code, stderr } = await command.outcome
    expect(code).toBe(130)
    expect(stderr).toContain('interrupted by SIGINT. Nothing was stored')
    expect(await directory.list()).toEqual([])
  })

  test('twice ends at once, whatever it waits for', async () => {
    const path = copyOf('current')
    lock(path)
    const args = ['import', '-', '--batch-size', '1']
    await using command = start(path, args, tellsOfHandlers, line(0))
    await command.complains(/interruptible/)
    command.process.kill('SIGINT')
    command.process.kill('SIGTERM')
    // Whichever of the two it took for the second.
    const { code, signal } = await command.outcome
    expect(code).toBeNull()
    expect(['SIGINT', 'SIGTERM']).toContain(signal)
  })
})

describe('an export that is interrupted', () => {
  test('leaves no file', async () => {
    const path = copyOf('current')
    const { free } = lock(path)
    const file = directory.file('units.jsonl')
    await using command = start(path, ['export', file], tellsOfHandlers)
    await command.complains(/interruptible/)
    command.process.kill('SIGINT')
    free()
    const { code, stderr } = await command.outcome
    expect(code).toBe(130)
    expect(stderr).toContain(`interrupted by SIGINT. Nothing was written to ${file}`)
    expect(await directory.list()).toEqual([])
  })

  test('says that it is not whole, though nobody reads on', async () => {
    const path = directory.file('cq.db')
    const detail = 'x'.repeat(8_000)
    await using store = await SqliteStore.open({ path, readers: 1 })
    await store.insertMany(
      Array.from({ length: 500 }, (_, number) =>
        sampleUnit(unitId(number), new Date(), { insight: { detail } }),
      ),
    )
    await using command = start(path, ['export'])
    await command.tells(/x/)
    command.process.stdout?.pause()
    command.process.kill('SIGTERM')
    await command.complains(/interrupted by SIGTERM. The export is not whole: \d+ units/)
    command.process.stdout?.resume()
    expect((await command.outcome).code).toBe(143)
  })
})

describe('a command that SQLite holds up', () => {
  test.each([
    ['check', [], 'Nothing was changed, unless'],
    ['migrate', [], 'Either all steps were taken or none'],
    ['backup', ['copy.db'], 'No backup was made'],
  ])(
    'ends at once where %s is interrupted, and leaves all as it was',
    async (name, rest, words) => {
      const path = copyOf('current')
      const { free } = lock(path)
      const before = footprintOf(path)
      const args = [name, ...rest.map((file) => directory.file(file))]
      await using command = start(path, args, tellsOfChild)
      if (name === 'backup') await appears(/partial/)
      else await command.complains(/begun/)
      command.process.kill('SIGINT')
      const { code, stderr } = await command.outcome
      expect(code).toBe(130)
      expect(stderr).toContain(`cq-store: interrupted by SIGINT. ${words}`)
      expect(stderr).toContain(`(database: ${path})\n`)
      expect(await directory.list()).toEqual([])
      free()
      expect(footprintOf(path)).toEqual(before)
    },
  )
})

/** Resolves once there is such a file in the directory. */
async function appears(name: RegExp): Promise<void> {
  const watcher = watch(directory.path)
  try {
    for await (const _change of on(watcher, 'change'))
      if ((await directory.list()).some((there) => name.test(there))) return
  } finally {
    watcher.close()
  }
}
