import { readFile, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ReviewItem } from '../../src/index.ts'
import { SqliteStore } from '../../src/sqlite/sqlite-store.ts'
import { copyOf, onDatabase } from '../migrations/database-file.ts'
import { TemporaryDirectory } from '../sqlite/temporary-directory.ts'
import { sampleUnit, unitId } from '../store/samples.ts'
import { runCommand } from './command.ts'

let directory: TemporaryDirectory
beforeEach(async () => {
  directory = await TemporaryDirectory.create()
})
afterEach(() => directory[Symbol.asyncDispose]())

const run = (path: string, args: readonly string[], input = '') =>
  runCommand({ args, environment: { CQ_DB_PATH: path }, input })

const observed = new Date('2026-11-22T12:00:00Z')
const item = (number: number, parts: Partial<ReviewItem> = {}): ReviewItem => ({
  // A line separator, which some readers of lines take for an end.
  knowledge_unit: sampleUnit(unitId(number), observed, { insight: { detail: 'a\u2028b\nc' } }),
  status: 'pending',
  reviewed_by: null,
  reviewed_at: null,
  ...parts,
})
const decided = { reviewed_by: 'carol', reviewed_at: '2026-11-22T13:00:00.000001+00:00' }
const parsed = (text: string): ReviewItem[] =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line))
const lines = (...items: unknown[]) => items.map((one) => `${JSON.stringify(one)}\n`).join('')

describe('export and import', () => {
  test('give back every unit with its review, more than a page of them', async () => {
    const path = directory.file('cq.db')
    const items = Array.from({ length: 450 }, (_, number) =>
      item(
        number,
        number % 3 === 0 ? {} : { status: number % 3 === 1 ? 'approved' : 'rejected', ...decided },
      ),
    )
    await using store = await SqliteStore.open({ path, readers: 1 })
    await store.importUnits(items.toReversed())

    const file = directory.file('units.jsonl')
    expect(await run(path, ['export', file])).toEqual({
      code: 0,
      signal: null,
      stdout: '',
      stderr: `exported 450 units of ${path}\n`,
    })
    const exported = await readFile(file, 'utf8')
    expect(parsed(exported)).toEqual(items)

    const other = directory.file('other.db')
    expect(await run(other, ['import', file, '--batch-size', '100'])).toMatchObject({
      code: 0,
      stdout: 'stored 450 units\n',
      stderr: '',
    })
    const back = await run(other, ['export'])
    expect(back.stdout).toBe(exported)
    expect((await directory.list()).filter((name) => name.includes('partial'))).toEqual([])
  })

  test.each(['current', 'legacy', 'first'] as const)(
    'carry the units of the reference file %s over',
    async (fixture) => {
      const { stdout } = await run(copyOf(fixture), ['export'])
      const other = directory.file('other.db')
      expect((await run(other, ['import', '-'], stdout)).code).toBe(0)
      const again = (await run(other, ['export', '-'])).stdout
      expect(parsed(again)).toEqual(parsed(stdout))
      expect(parsed(again)).toHaveLength(10)
    },
  )

  test('work while a store writes to the same file', async () => {
    const path = directory.file('cq.db')
    await using store = await SqliteStore.open({ path, readers: 1 })
    const old = Array.from({ length: 50 }, (_, number) => item(number))
    await store.importUnits(old)
    let next = 1000
    let isDone = false
    const writing = (async () => {
      while (!isDone) await store.insert(item(next++).knowledge_unit)
    })()
    const imported = await run(path, ['import', '-'], lines(item(900), item(901)))
    const exported = await run(path, ['export'])
    isDone = true
    await writing
    expect(imported).toMatchObject({ code: 0, stdout: 'stored 2 units\n' })
    expect(parsed(exported.stdout).slice(0, 52)).toEqual([...old, item(900), item(901)])
    expect(await store.count()).toBe(52 + next - 1000)
  })
})

describe('export', () => {
  test('leaves a file alone that is there, but for --force', async () => {
    const path = directory.file('cq.db')
    await run(path, ['migrate'])
    const file = directory.file('units.jsonl')
    await writeFile(file, 'precious')
    const { code, stderr } = await run(path, ['export', file])
    expect(code).toBe(1)
    expect(stderr).toContain('--force')
    expect(await readFile(file, 'utf8')).toBe('precious')
    expect((await run(path, ['export', file, '--force'])).code).toBe(0)
    expect(await readFile(file, 'utf8')).toBe('')
  })

  test('makes no database', async () => {
    const { code, stderr } = await run(directory.file('none.db'), ['export'])
    expect(code).toBe(1)
    expect(stderr).toContain('no database at')
    expect(await directory.list()).toEqual([])
  })
})

describe('import', () => {
  const bad = [
    lines(item(0), item(1)),
    lines(item(2)),
    'nonsense\n',
    '\n',
    lines({ ...item(3), status: 'odd' }, { ...item(4), knowledge_unit: { id: unitId(4) } }, [], {}),
    lines(item(2)),
  ].join('')

  test('stores batches up to a bad one, of which it stores nothing, and names each bad line', async () => {
    const path = directory.file('cq.db')
    const outcome = await run(path, ['import', '-', '--batch-size', '2'], bad)
    expect(outcome).toMatchObject({ code: 1, stdout: '' })
    expect(outcome.stderr).toMatch(
      /^line 4: it is no JSON: .*\ncq-store: nothing of lines 3 to 4 was/,
    )
    expect(outcome.stderr).toContain('Stored before: 2 units, all of lines 1 to 2')
    await using store = await SqliteStore.open({ path, readers: 1 })
    expect(await store.count()).toBe(2)
  })

  test('checks every line in a dry run, and makes no database', async () => {
    const path = directory.file('cq.db')
    const outcome = await run(path, ['import', '-', '--dry-run'], bad)
    expect(outcome).toMatchObject({ code: 1, stdout: '' })
    const told = outcome.stderr.trimEnd().split('\n')
    expect(told).toEqual([
      expect.stringMatching(/^line 4: it is no JSON/),
      expect.stringMatching(/^line 6: status must be one of .*"odd"/),
      expect.stringMatching(/^line 7: invalid knowledge unit: .*domains/),
      'line 8: it is no JSON object',
      'line 9: it has no knowledge_unit',
      `line 10: ${unitId(2)} is in line 3 already`,
      'cq-store: 6 bad lines; nothing was stored',
    ])
    expect(await directory.list()).toEqual([])
  })

  test('names the units that are there already, or leaves them out', async () => {
    const path = directory.file('cq.db')
    await run(path, ['import', '-'], lines(item(1)))
    const input = lines(item(0), item(1, { status: 'approved', ...decided }), item(2))
    const refused = await run(path, ['import', '-'], input)
    expect(refused).toMatchObject({ code: 1, stdout: '' })
    expect(refused.stderr).toMatch(
      new RegExp(`^line 2: .*${unitId(1)}\ncq-store: nothing of lines 1 to 3 was stored`),
    )
    await using store = await SqliteStore.open({ path, readers: 1 })
    expect(await store.count()).toBe(1)
    const dry = await run(path, ['import', '-', '--skip-existing', '--dry-run'], input)
    expect(dry.stdout).toContain('2 units, and left out 1')
    expect(await store.count()).toBe(1)
    expect(await run(path, ['import', '-', '--skip-existing'], input)).toMatchObject({
      code: 0,
      stdout: 'stored 2 units, and left out 1 that are there already\n',
    })
    expect(await store.reviewItem(unitId(1))).toEqual(item(1))
  })

  test('goes on past units that can’t be read, names them, and exits 1', async () => {
    const path = copyOf('current')
    const good = await run(path, ['export'])
    expect(good).toMatchObject({ code: 0 })
    // More in a row than a page has.
    onDatabase(path, (db) => {
      const insert = db.prepare('insert into knowledge_units (id, data) values (?, ?)')
      db.transaction(() => {
        for (let number = 0; number < 450; number++) insert.run(`ku_${number}`, '')
        insert.run('zz', '{"id":"zz"}')
      })()
    })
    for (const target of ['-', directory.file('units.jsonl')]) {
      const { code, stdout, stderr } = await run(path, ['export', target])
      expect(code).toBe(1)
      const text = target === '-' ? stdout : await readFile(target, 'utf8')
      expect(text).toBe(good.stdout)
      expect(
        stderr.match(/^cq-store: a unit is left out of answers: the document of /gm),
      ).toHaveLength(451)
      expect(stderr).toContain(`exported 10 units of ${path}`)
      expect(stderr).toMatch(/cq-store: the export lacks .*; cq-store check tells more\n$/)
    }
  })

  test('keep numbers that JavaScript would change', async () => {
    const path = directory.file('cq.db')
    const extensions = { 'a:b': 'NUMBER' }
    const unit = { ...item(1).knowledge_unit, extensions }
    const line = lines({ ...item(1), knowledge_unit: unit }).replace('"NUMBER"', '9007199254740993')
    expect(await run(path, ['import', '-'], line)).toMatchObject({ code: 0 })
    expect((await run(path, ['export'])).stdout).toBe(line)
    const refused = await run(path, ['import', '-'], line.replace('9007199254740993', '1e400'))
    expect(refused).toMatchObject({ code: 1 })
    expect(refused.stderr).toContain('only numbers that a double can')
  })

  test('is misused with a batch of none', async () => {
    const { code, stderr } = await run(directory.file('cq.db'), [
      'import',
      '-',
      '--batch-size',
      '0',
    ])
    expect(code).toBe(2)
    expect(stderr).toContain('from 1 to 10000')
  })
})
