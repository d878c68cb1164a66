import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import {
  copyOf,
  faultsOf,
  footprintOf,
  migratedContent,
  migrateFile,
  newPath,
  onDatabase,
} from './database-file.ts'

const program = fileURLToPath(new URL('./dying-migration.ts', import.meta.url))

interface Death {
  readonly signal: string | null
  readonly output: string
}

/** Migrates a file in a process of its own, which kills itself before the statement of this number. */
function migrateAndDie(path: string, fatalStatement: number | 'never'): Promise<Death> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, [program, path, `${fatalStatement}`], (error, stdout, stderr) => {
      const signal = error?.signal ?? null
      if (error && signal === null) reject(new Error(`the migration failed: ${stderr}`))
      else resolve({ signal, output: stdout })
    })
  })
}

/** A file of the first releases that is bigger than the page cache of the process that migrates it. */
function bigFirstRelease(): string {
  const path = copyOf('first')
  onDatabase(path, (db) =>
    db.exec(`insert into knowledge_units
      with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < 300)
      select 'copy ' || n, data from knowledge_units, numbers where knowledge_units.rowid = 1`),
  )
  return path
}

describe.each([
  ['an empty file', newPath],
  ['a file of the first releases', () => copyOf('first')],
])('a process that is killed while it migrates %s', (_, start) => {
  it('leaves it as it was, before whichever statement it dies', async () => {
    const whole = start()
    const { output } = await migrateAndDie(whole, 'never')
    const all = JSON.parse(output) as string[]
    expect(all.filter((sql) => /^begin immediate/i.test(sql))).toHaveLength(1)
    const statements = all.slice(0, all.indexOf('commit') + 1)
    // Whatever comes after the commit dies with the file migrated.
    for (const sql of all.slice(statements.length))
      expect(sql).toMatch(
        /^pragma (wal_checkpoint|synchronous|cache_size|temp_store|shrink_memory)/i,
      )
    const before = migratedContent(start())
    const after = migratedContent(whole)
    expect(after).not.toEqual(before)

    // Every other one of a file that has much to lose, and of an empty one every fourth.
    const stride = start === newPath ? 4 : 2
    const numbers = statements.map((_, index) => index + 1).filter((at) => at % stride === 0)
    const die = async () => {
      for (let number = numbers.shift(); number !== undefined; number = numbers.shift()) {
        const path = start()
        const death = await migrateAndDie(path, number)
        const told = `before statement ${number}: ${statements[number - 1]}`
        expect(death, told).toEqual({ signal: 'SIGKILL', output: '' })
        expect(migratedContent(path), told).toEqual(before)
        expect(faultsOf(path), told).toEqual([])
        migrateFile(path)
        expect(migratedContent(path), told).toEqual(after)
        expect(footprintOf(path).files, told).toEqual(['cq.db'])
      }
    }
    await Promise.all(Array.from({ length: availableParallelism() }, die))
  })
})

describe('a process that is killed with part of its work in the write-ahead log', () => {
  it('leaves a big file as it was', async () => {
    const whole = bigFirstRelease()
    const { output } = await migrateAndDie(whole, 'never')
    const fatal = (JSON.parse(output) as string[]).indexOf('commit') + 1
    const path = bigFirstRelease()
    expect(await migrateAndDie(path, fatal)).toMatchObject({ signal: 'SIGKILL' })
    expect(statSync(`${path}-wal`).size).toBeGreaterThan(50_000)
    expect(migratedContent(path)).toEqual(migratedContent(bigFirstRelease()))
    migrateFile(path)
    expect(migratedContent(path)).toEqual(migratedContent(whole))
  })
})
