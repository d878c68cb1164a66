import { execFile } from 'node:child_process'
import {
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { chmod, link, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { SqliteStore } from '../../src/sqlite/store.ts'
import {
  copyOf,
  databaseOf,
  faultsOf,
  footprintOf,
  migrateFile,
  newPath,
  onDatabase,
  otherProgram,
} from '../sqlite/migrations/database-file.ts'
import { withSemanticSearch } from '../sqlite/migrations/semantic-search.ts'
import { ordinaryUnits } from '../sqlite/steered-units.ts'
import { runCommand } from './command.ts'

const run = (path: string, ...args: string[]) =>
  runCommand({ args: ['restore', ...args, '--db-path', path] })

/** A backup with so many units, in a directory of its own. */
async function backupOf(units: number): Promise<string> {
  const path = newPath()
  const copy = newPath()
  await using store = await SqliteStore.open({ path, readers: 1 })
  await store.insertMany(ordinaryUnits(units))
  const { code } = await runCommand({ args: ['backup', copy, '--db-path', path] })
  expect(code).toBe(0)
  return copy
}

/** A database with so many units, as a process leaves it that is killed: they are in the log. */
function killedDatabase(units: number): string {
  const [path, live] = [newPath(), newPath()]
  migrateFile(live)
  onDatabase(live, (db) => {
    db.pragma('wal_autocheckpoint = 0')
    const insert = db.prepare('insert into knowledge_units (id, data) values (?, ?)')
    db.transaction(() => {
      for (let number = 0; number < units; number++) insert.run(`old ${number}`, '{}')
    })()
    for (const suffix of ['', '-wal']) copyFileSync(`${live}${suffix}`, `${path}${suffix}`)
  })
  expect(statSync(`${path}-wal`).size).toBeGreaterThan(4_096)
  return path
}

const countIn = (path: string) =>
  onDatabase(path, (db) => db.prepare('select count(*) from knowledge_units').pluck().get())
const filesBeside = (path: string) => readdirSync(dirname(path)).sort()
const replacedBeside = (path: string) =>
  filesBeside(path)
    .filter((name) => name.includes('.replaced-') && !/-(wal|shm|journal)$/.test(name))
    .map((name) => join(dirname(path), name))

describe('restore', () => {
  test('puts a backup in the place of a database that was killed, and keeps that whole', async () => {
    const path = killedDatabase(250)
    const backup = await backupOf(50)
    const { code, stdout, stderr } = await run(path, backup, '--yes')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const [replaced = ''] = replacedBeside(path)
    expect(stdout).toBe(
      `restored ${path} from ${backup}: 50 knowledge units, 0 users, 0 API keys; checked\n` +
        `the database that was there is kept as ${replaced}\n`,
    )
    expect(filesBeside(path)).toHaveLength(2)
    expect(countIn(path)).toBe(50)
    expect(faultsOf(path)).toEqual([])
    expect(countIn(replaced)).toBe(250)
    await using store = await SqliteStore.open({ path, readers: 1 })
    expect(await store.count()).toBe(50)
  })

  test('makes a database where there is none, and tells programs what it did', async () => {
    const path = join(dirname(newPath()), 'not', 'yet', 'cq.db')
    const backup = await backupOf(3)
    const { code, stdout } = await run(path, backup, '--json')
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      path,
      backup,
      bytes: statSync(backup).size,
      rows: { knowledge_units: 3, users: 0, api_keys: 0 },
      replaced: null,
    })
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(filesBeside(path)).toEqual(['cq.db'])
  })

  test('moves a log away that lies where no database is', async () => {
    const killed = killedDatabase(20)
    rmSync(killed)
    expect((await run(killed, await backupOf(3))).code).toBe(0)
    expect(countIn(killed)).toBe(3)
    expect(filesBeside(killed).filter((name) => name.endsWith('-wal'))).toEqual([
      expect.stringMatching(/replaced-.*-wal$/),
    ])
  })

  test('keeps nothing of the old database with --discard', async () => {
    const path = killedDatabase(20)
    expect((await run(path, await backupOf(3), '--yes', '--discard')).code).toBe(0)
    expect(filesBeside(path)).toEqual(['cq.db'])
    expect(countIn(path)).toBe(3)
  })

  test('asks before it replaces a database, and where it cannot changes nothing', async () => {
    const path = copyOf('current')
    const before = footprintOf(path)
    const { code, stderr } = await run(path, await backupOf(1))
    expect(code).toBe(2)
    expect(stderr).toContain('--yes')
    expect(footprintOf(path)).toEqual(before)
  })

  test('gives the new database the mode of the old one', async () => {
    const path = copyOf('current')
    await chmod(path, 0o640)
    expect((await run(path, await backupOf(1), '--yes')).code).toBe(0)
    expect((await stat(path)).mode & 0o777).toBe(0o640)
  })

  test('follows links to the database and to the backup', async () => {
    const path = killedDatabase(20)
    const folder = dirname(newPath())
    await symlink(path, join(folder, 'link.db'))
    await symlink(await backupOf(3), join(folder, 'latest.db'))
    expect((await run(join(folder, 'link.db'), join(folder, 'latest.db'), '--yes')).code).toBe(0)
    expect(countIn(path)).toBe(3)
    expect(readdirSync(folder).sort()).toEqual(['latest.db', 'link.db'])
  })

  test.each([
    ['of the first releases', () => copyOf('first')],
    ['with semantic search', () => withSemanticSearch(copyOf('current'), 'all kinds')],
  ])('takes a backup %s', async (_, make) => {
    const path = newPath()
    expect((await run(path, make())).code).toBe(0)
    expect(countIn(path)).toBe(10)
  })
})

describe('restore refuses, and changes nothing, where the database is open', () => {
  const opened: [name: string, make: () => string, open: (path: string) => unknown][] = [
    [
      'by a connection that is idle, and has a log',
      () => copyOf('current', 'pragma journal_mode = wal'),
      (path) => otherProgram(path).pragma('user_version'),
    ],
    [
      'by a connection that has not read yet',
      () => copyOf('current', 'pragma journal_mode = wal'),
      (path) => otherProgram(path),
    ],
    [
      'by a connection that is idle, and has no log',
      () => copyOf('current', 'pragma journal_mode = delete'),
      (path) => otherProgram(path).pragma('user_version'),
    ],
    [
      'by one whose file is damaged meanwhile',
      () => copyOf('current', 'pragma journal_mode = wal'),
      (path) => {
        otherProgram(path).pragma('user_version')
        // By another process: to close the file in this one would take the connection's lock.
        return runCommandOf(
          `require('fs').writeFileSync(${JSON.stringify(path)}, 'x'.repeat(9999))`,
        )
      },
    ],
  ]
  test.each(opened)('%s', async (_, make, open) => {
    const path = make()
    const backup = await backupOf(1)
    await open(path)
    const before = footprintOf(path)
    const { code, stdout, stderr } = await run(path, backup, '--yes')
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toMatch(/is in use; nothing was changed\. Stop the server/)
    expect(footprintOf(path).bytes).toBe(before.bytes)
    expect(replacedBeside(path)).toEqual([])
  })

  test('by a store', async () => {
    const path = newPath()
    const backup = await backupOf(1)
    await using store = await SqliteStore.open({ path, readers: 1 })
    await store.insertMany(ordinaryUnits(5))
    expect((await run(path, backup, '--yes')).code).toBe(1)
    expect(await store.count()).toBe(5)
    await store.insertMany(ordinaryUnits(1, 0x2000))
    expect(await store.count()).toBe(6)
  })
})

function runCommandOf(script: string): Promise<unknown> {
  return new Promise((resolve) => execFile(process.execPath, ['-e', script], resolve))
}

describe('restore refuses, and changes nothing, where the backup', () => {
  const refused: [name: string, message: RegExp, make: () => unknown][] = [
    ['is not there', /there is no backup/, () => newPath()],
    ['is a directory', /not a regular file/, () => dirname(newPath())],
    ['is empty', /it is empty/, () => written('')],
    ['is no database', /not a SQLite database/, () => written('nothing of the kind'.repeat(500))],
    [
      'is of another program',
      /another program's SQLite database/,
      () => databaseOf('create table songs (x)'),
    ],
    ['is of a newer revision', /revision '0002'/, () => copyOf('newer')],
    [
      'is cut short',
      /damaged|malformed/,
      async () => {
        const path = copyOf('current')
        await truncate(path, 3 * 4_096)
        return path
      },
    ],
    ['has a log of its own', /has a log beside it/, () => killedDatabase(5)],
    [
      'has a journal of its own',
      /has a log beside it/,
      async () => {
        const path = copyOf('current')
        await writeFile(`${path}-journal`, 'hot')
        return path
      },
    ],
  ]
  test.each(refused)('%s', async (_, message, make) => {
    const path = killedDatabase(30)
    const { code, stderr } = await run(path, String(await make()), '--yes')
    expect(code).toBe(1)
    expect(stderr).toMatch(message)
    expect(filesBeside(path).filter((name) => !name.startsWith('cq.db'))).toEqual([])
    expect(replacedBeside(path)).toEqual([])
    expect(countIn(path)).toBe(30)
  })

  test('is the database itself', async () => {
    const path = copyOf('current')
    expect((await run(path, path, '--yes')).code).toBe(2)
  })
})

function written(text: string): string {
  const path = newPath()
  writeFileSync(path, text)
  return path
}

describe('a database that SQLite can make nothing of', () => {
  const spoil = (path: string) => {
    const bytes = readFileSync(path)
    writeFileSync(path, bytes.fill('x', 0, 200))
  }

  test('is replaced, and kept with its log', async () => {
    const path = killedDatabase(30)
    spoil(path)
    rmSync(`${path}-wal`)
    writeFileSync(`${path}-journal`, 'a journal that nobody can use')
    expect((await run(path, await backupOf(3), '--yes')).code).toBe(0)
    expect(countIn(path)).toBe(3)
    const [replaced = ''] = replacedBeside(path)
    expect(readFileSync(replaced).subarray(0, 9).toString()).toBe('xxxxxxxxx')
    expect(filesBeside(path)).toHaveLength(existsSync(`${replaced}-journal`) ? 3 : 2)
  })
})

const program = fileURLToPath(new URL('./dying-restore.ts', import.meta.url))

interface Death {
  readonly signal: string | null
  readonly code?: number
  readonly steps: string[]
}

/** Restores in a process of its own, which kills itself before the step of this number. */
function restoreAndDie(path: string, backup: string, fatalStep: number | 'never'): Promise<Death> {
  return new Promise((resolve, reject) => {
    // As the process that the command line itself starts for it, which is the one that dies.
    const env = { ...process.env, CQ_STORE_SUPERVISED: '1' }
    const args = [program, path, backup, `${fatalStep}`]
    execFile(process.execPath, args, { env }, (error, stdout, stderr) => {
      const signal = error?.signal ?? null
      if (signal !== null) resolve({ signal, steps: [] })
      else if (error) reject(new Error(`it failed: ${stderr}`))
      else resolve({ signal, ...JSON.parse(stdout.split('\n').at(-1) ?? '') })
    })
  })
}

test('a restore leaves alone what belongs to a database whose name begins alike', async () => {
  const path = newPath()
  const others = [
    '.cq.db.old.0123abcd.partial',
    '.cq.db.old.0123abcd.replaced',
    '.cq.db.0123abcd.other',
  ]
  for (const name of others) writeFileSync(join(dirname(path), name), 'another one')
  writeFileSync(join(dirname(path), '.cq.db.0123abcd.partial'), 'of a restore that was killed')
  expect((await run(path, await backupOf(3), '--yes')).code).toBe(0)
  const names = readdirSync(dirname(path))
  expect(names).toEqual(expect.arrayContaining(others))
  expect(names).not.toContain('.cq.db.0123abcd.partial')
})

test.runIf(existsSync('/proc/self'))('a restore into a place that takes no file ends', async () => {
  const { code, stderr } = await run('/proc/x/cq.db', await backupOf(1), '--yes')
  expect(code).toBe(1)
  expect(stderr).toContain('the directory /proc/x cannot be made')
})

describe('a restore that is killed', () => {
  const starts: [name: string, make: () => string, count: number | undefined][] = [
    ['a database with a log', () => killedDatabase(60), 60],
    [
      'a database that SQLite can make nothing of',
      () => {
        const path = killedDatabase(60)
        writeFileSync(path, 'x'.repeat(9_999))
        return path
      },
      undefined,
    ],
    ['nothing', newPath, undefined],
  ]

  test.each(starts)(
    'in the place of %s leaves that or the new one, and the next restore cleans up',
    async (_name, make, count) => {
      const backup = await backupOf(5)
      const { steps, code } = await restoreAndDie(make(), backup, 'never')
      expect(code).toBe(0)
      expect(steps).toContainEqual(expect.stringMatching(/^rename .*partial/))
      // Every step of the first; of the others, which take the same steps, every third.
      const stride = _name === starts[0]?.[0] ? 1 : 3
      const numbers = steps.map((_, index) => index + 1).filter((number) => number % stride === 0)
      let replacedOnes = 0
      const seen = new Set<string>()
      const die = async () => {
        for (let number = numbers.shift(); number !== undefined; number = numbers.shift()) {
          const path = make()
          const told = `before step ${number}: ${steps[number - 1]}`
          expect((await restoreAndDie(path, backup, number)).signal, told).toBe('SIGKILL')
          const isReplaced = existsSync(path) && readFileSync(path).equals(readFileSync(backup))
          if (isReplaced) {
            replacedOnes++
            expect([countIn(path), faultsOf(path)], told).toEqual([5, []])
          } else if (count !== undefined) {
            // To look at it must not change what the next restore finds.
            const copy = newPath()
            for (const suffix of ['', '-wal', '-journal'])
              if (existsSync(`${path}${suffix}`))
                copyFileSync(`${path}${suffix}`, `${copy}${suffix}`)
            expect([countIn(copy), faultsOf(copy)], told).toEqual([count, []])
          }
          const left = filesBeside(path)
            .join(' ')
            .replaceAll(/[0-9a-f]{8}|\d{8}T[\d.]+Z/g, '')
          if (seen.has(`${isReplaced} ${left}`)) continue
          seen.add(`${isReplaced} ${left}`)
          expect((await run(path, backup, '--yes')).code, told).toBe(0)
          expect([countIn(path), faultsOf(path)], told).toEqual([5, []])
          expect(
            filesBeside(path).filter((name) => name.startsWith('.')),
            told,
          ).toEqual([])
          if (count !== undefined) expect(replacedBeside(path).map(countIn), told).toContain(count)
        }
      }
      await Promise.all(Array.from({ length: availableParallelism() }, die))
      expect(replacedOnes).toBeGreaterThan(0)
      expect(replacedOnes).toBeLessThan(steps.length)
    },
    600_000,
  )
})

test('two names of one database, as a killed restore leaves them, become one again', async () => {
  const path = copyOf('current')
  const aside = join(dirname(path), '.cq.db.0123abcd.replaced')
  await link(path, aside)
  expect((await run(path, await backupOf(1), '--yes', '--discard')).code).toBe(0)
  expect(filesBeside(path)).toEqual(['cq.db'])
  await rm(path)
})
