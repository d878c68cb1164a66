import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { isPassword } from '../../src/credentials/passwords.ts'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { TemporaryDirectory } from '../sqlite/temporary-directory.ts'
import { sampleUnit, unitId } from '../store/samples.ts'
import { program } from './command.ts'

let directory: TemporaryDirectory
let path: string
beforeEach(async () => {
  directory = await TemporaryDirectory.create()
  path = directory.file('cq.db')
})
afterEach(() => directory[Symbol.asyncDispose]())

/**
 * Runs the command in a terminal, where each text that it shows is answered by the keys that follow it.
 * Resolves to the exit code and all that the terminal was sent.
 */
async function inTerminal(
  args: readonly string[],
  ...dialogue: readonly (readonly [shown: string, keys: string])[]
): Promise<{ code: number; shown: string }> {
  const words = [process.execPath, '--no-warnings', program, ...args]
  const command = words.map((word) => `'${word}'`).join(' ')
  const terminal = spawn('script', ['-qec', `stty cols 120 rows 30; ${command}`, '/dev/null'], {
    env: { PATH: process.env.PATH ?? '', TERM: 'xterm', SHELL: '/bin/sh', CQ_DB_PATH: path },
  })
  let shown = ''
  let seen = 0
  const waiting = [...dialogue]
  terminal.stdout.setEncoding('utf8').on('data', (text: string) => {
    shown += text
    const [expected, keys] = waiting[0] ?? []
    const found = expected === undefined ? -1 : shown.indexOf(expected, seen)
    if (found === -1) return
    seen = found + 1
    waiting.shift()
    terminal.stdin.write(keys)
  })
  const [code] = (await once(terminal, 'close')) as [number]
  expect(waiting).toEqual([])
  return { code, shown }
}

describe.skipIf(process.platform !== 'linux')('in a terminal', () => {
  test('two different passwords are asked for once more, from the first', async () => {
    const { code, shown } = await inTerminal(
      ['user', 'add', 'carol'],
      [`Password of carol in ${path}`, 'first\r'],
      ['The same again', 'other\r'],
      [`Password of carol in ${path}`, 'second\r'],
      ['The same again', 'second\r'],
    )
    expect(code).toBe(0)
    expect(shown).toContain('two different passwords')
    await using store = await SqliteStore.open({ path, readers: 1 })
    const { password_hash } = (await store.getUser('carol')) ?? expect.fail('no carol')
    expect(await isPassword('second', password_hash)).toBe(true)
  })

  test.each([
    ['Ctrl-C', '\u0003'],
    ['Ctrl-D', '\u0004'],
  ])('%s at a question ends the command, and makes no database', async (_name, key) => {
    const { code, shown } = await inTerminal(['user', 'add', 'carol'], ['Password', key])
    expect(code).toBe(130)
    expect(shown).toContain(`cq-store: cancelled; nothing was changed (database: ${path})`)
    expect(await directory.list()).toEqual([])
  })

  test('an import shows how far it is and how long it takes, and ends at Ctrl-C', async () => {
    const file = directory.file('units.jsonl')
    const units = Array.from({ length: 20_000 }, (_, number) =>
      JSON.stringify({ knowledge_unit: sampleUnit(unitId(number), new Date()) }),
    )
    await writeFile(file, units.join('\n'))
    const { code, shown } = await inTerminal(['import', file], [' left | ', '\u0003'])
    expect(shown).toMatch(/importing \[ {25}\] 0% \| estimating \| 0\/\d+(\.\d)? MB/)
    expect(shown).toMatch(/\d+% \| .*\d+s left \| \d+(\.\d)?\/\d+(\.\d)? MB/)
    expect(shown).toMatch(/interrupted by SIGINT. (Stored before: \d+ units|Nothing was stored)/)
    expect(code).toBe(130)
    // The cursor is there again, and long lines are wrapped.
    expect(shown.lastIndexOf('\u001b[?25h')).toBeGreaterThan(shown.lastIndexOf('\u001b[?25l'))
    expect(shown.lastIndexOf('\u001b[?7h')).toBeGreaterThan(shown.lastIndexOf('\u001b[?7l'))
  })
})
