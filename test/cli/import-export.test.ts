import { readFile, writeFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { ReviewItem } from '../../src/index.ts'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { copyOf, footprintOf, migrateFile, onDatabase } from '../sqlite/migrations/database-file.ts'
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
      stderr: `exported 450 units from ${path}\n`,
    })
    const exported = await readFile(file, 'utf8')
    expect(parsed(exported)).toEqual(items)

    const other = directory.file('other.db')
    expect(await run(other, ['import', file, '--batch-size', '100'])).toMatchObject({
      code: 0,
      stdout: `stored 450 units in ${other}\n`,
      stderr: '',
    })
    const back = await run(other, ['export'])
    expect(back.stdout).toBe(exported)
    expect((await directory.list()).filter((name) => name.includes('partial'))).toEqual([])
  })

  test.each(['current', 'first'] as const)(
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
    expect(imported).toMatchObject({ code: 0, stdout: `stored 2 units in ${path}\n` })
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

  test('names the file that it cannot write', async () => {
    const path = directory.file('cq.db')
    await run(path, ['migrate'])
    const file = directory.file('nowhere', 'units.jsonl')
    expect(await run(path, ['export', file])).toMatchObject({
      code: 1,
      stderr: `cq-store: can't write ${file}: there is no directory ${directory.file('nowhere')} (database: ${path})\n`,
    })
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
      /^line 4: it is not JSON: .*\ncq-store: nothing of lines 3 to 4 was/,
    )
    expect(outcome.stderr).toContain(
      `was stored. Stored before: 2 units, all of lines 1 to 2. To continue: cq-store import - --skip-existing (database: ${path})\n`,
    )
    await using store = await SqliteStore.open({ path, readers: 1 })
    expect(await store.count()).toBe(2)
  })

  test('checks every line in a dry run, and makes no database', async () => {
    const path = directory.file('cq.db')
    const outcome = await run(path, ['import', '-', '--dry-run'], bad)
    expect(outcome).toMatchObject({ code: 1, stdout: '' })
    const told = outcome.stderr.trimEnd().split('\n')
    expect(told).toEqual([
      expect.stringMatching(/^line 4: it is not JSON/),
      expect.stringMatching(/^line 6: status must be one of .*"odd"/),
      expect.stringMatching(/^line 7: invalid knowledge unit: .*domains/),
      'line 8: it is not a JSON object',
      'line 9: it has no knowledge_unit',
      `line 10: ${unitId(2)} is in line 3 already`,
      `cq-store: 6 bad lines; nothing was stored (database: ${path})`,
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
      stdout: `stored 2 units, and left out 1 that are there already in ${path}\n`,
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
      expect(stderr).toContain(`exported 10 units from ${path}`)
      expect(stderr).toMatch(
        /cq-store: the export lacks .*; cq-store check says more \(database: .*\)\n$/,
      )
    }
  })

  test('change no byte of a file in a dry run, also where it lacks steps of the schema', async () => {
    const path = copyOf('current')
    const before = footprintOf(path)
    const dry = await run(path, ['import', '-', '--dry-run'], lines(item(1)))
    expect(dry).toMatchObject({ code: 1 })
    expect(dry.stderr).toContain('cq-store migrate')
    expect(footprintOf(path)).toEqual(before)
    migrateFile(path)
    const migrated = footprintOf(path)
    expect(await run(path, ['import', '-', '--dry-run'], lines(item(1)))).toMatchObject({ code: 0 })
    expect(footprintOf(path)).toEqual(migrated)
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

  test.each([
    ['nothing', '', 0, /^$/],
    ['blank lines', '\n \n', 0, /^$/],
    [
      'a first line that is not JSON',
      `nonsense\n${lines(item(0))}`,
      1,
      /^line 1: it is not JSON: /,
    ],
    ['binary data', '\0\u0001\ufffd'.repeat(99), 1, /^line 1: it is not JSON: /],
    ['a unit without its envelope', lines(item(0).knowledge_unit), 1, /a unit goes into \{"know/],
  ])('makes no database of %s', async (_name, input, code, message) => {
    const path = directory.file('new', 'cq.db')
    const outcome = await run(path, ['import', '-'], input)
    expect(outcome).toMatchObject({ code, stderr: expect.stringMatching(message) })
    expect(outcome.stdout).toBe(
      code === 0 ? `the input holds no units; nothing was stored in ${path}\n` : '',
    )
    expect(await directory.list()).toEqual([])
  })

  test('makes no database of a directory, nor of an empty file', async () => {
    const path = directory.file('cq.db')
    const { code, stderr } = await run(path, ['import', directory.path])
    expect(code).toBe(1)
    expect(stderr).toContain(`can't read ${directory.path}: it is a directory`)
    expect(await directory.list()).toEqual([])
    await writeFile(path, '')
    expect((await run(path, ['import', '-', '--dry-run'], lines(item(0)))).code).toBe(0)
    expect((await run(path, ['export'])).stderr).toContain(`no database at ${path}`)
    expect(await readFile(path, 'utf8')).toBe('')
  })

  test('refuses fields that no unit has, and says what they may have been meant to be', async () => {
    const { knowledge_unit: unit } = item(0)
    const { domains, ...others } = unit
    const flag = { reason: 'stale', timestamp: observed.toISOString() }
    const bad: [unknown, string][] = [
      [
        { ...item(0), statsu: 'approved' },
        'it has the unknown field "statsu"; did you mean "status"?',
      ],
      [
        { knowledge_units: unit },
        'it has the unknown field "knowledge_units"; did you mean "knowledge_unit"?',
      ],
      [
        { ...item(0), reviewedBy: 'ann' },
        'it has the unknown field "reviewedBy"; did you mean "reviewed_by"?',
      ],
      [
        { knowledge_unit: { ...others, domain: domains } },
        'knowledge_unit has the unknown field "domain"; did you mean "domains"?',
      ],
      [
        { knowledge_unit: { ...unit, insight: { ...unit.insight, Summary: '' } } },
        'knowledge_unit.insight has the unknown field "Summary"; did you mean "summary"?',
      ],
      [
        { knowledge_unit: { ...unit, context: { langauges: [] } } },
        'knowledge_unit.context has the unknown field "langauges"; did you mean "languages"?',
      ],
      [
        { knowledge_unit: { ...unit, evidence: { confirmation: 3 } } },
        'knowledge_unit.evidence has the unknown field "confirmation"; did you mean "confirmations"?',
      ],
      [
        { knowledge_unit: { ...unit, flags: [flag, { ...flag, details: 'd' }] } },
        'knowledge_unit.flags[1] has the unknown field "details"; did you mean "detail"?',
      ],
      [
        { knowledge_unit: { ...unit, __proto: 1, xyzzy: 2 } },
        'knowledge_unit has the unknown field "__proto"; knowledge_unit has the unknown field "xyzzy"',
      ],
    ]
    const path = directory.file('cq.db')
    const input = lines(...bad.map(([line]) => line))
    const { code, stderr } = await run(path, ['import', '-', '--dry-run'], input)
    expect(code).toBe(1)
    expect(stderr.trimEnd().split('\n')).toEqual([
      ...bad.map(([, message], index) => `line ${index + 1}: ${message}`),
      `cq-store: ${bad.length} bad lines; nothing was stored (database: ${path})`,
    ])
    expect(await directory.list()).toEqual([])
  })

  test("takes every field of cq's own documents, and any below extensions", async () => {
    const unit = {
      ...item(0).knowledge_unit,
      superseded_by: unitId(9),
      extensions: { 'acme:note': { sumary: 1, list: [{ domian: 2 }] } },
      flags: [
        {
          reason: 'duplicate',
          timestamp: observed.toISOString(),
          detail: 'd',
          duplicate_of: unitId(8),
        },
      ],
    }
    const path = directory.file('cq.db')
    expect(await run(path, ['import', '-'], lines({ knowledge_unit: unit }))).toMatchObject({
      code: 0,
      stderr: '',
    })
    await using store = await SqliteStore.open({ path, readers: 1 })
    expect(await store.getAny(unit.id)).toMatchObject({ extensions: unit.extensions })
  })

  test('tells as JSON what it did, would do, and did before it failed', async () => {
    const path = directory.file('cq.db')
    const told = async (input: string, ...args: string[]) => {
      const { code, stdout } = await run(path, ['import', '-', '--json', ...args], input)
      return { code, ...(JSON.parse(stdout) as object) }
    }
    const two = lines(item(0), item(1))
    const done = { code: 0, path, dry_run: false, stored: 2, skipped: 0, lines: 2 }
    expect(await told(two, '--dry-run')).toEqual({ ...done, dry_run: true })
    expect(await told(two)).toEqual(done)
    expect(await told(two + lines(item(2)), '--skip-existing')).toEqual({
      ...done,
      stored: 1,
      skipped: 2,
      lines: 3,
    })
    const broken = `${lines(item(3), item(4))}nonsense\n`
    expect(await told(broken, '--batch-size', '2')).toEqual({ ...done, code: 1 })
  })
})
