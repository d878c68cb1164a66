import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SqliteStore } from '../../../src/index.ts'
import { runCommand } from '../../cli/command.ts'
import { RecordedLog } from '../../threads/recorded-log.ts'
import { TemporaryDirectory } from '../temporary-directory.ts'
import { copyOf, migrateFile, onDatabase, type Row } from './database-file.ts'
import { withSemanticSearch } from './semantic-search.ts'

const starts = [
  ['current', 'none'],
  ['first', 'all kinds'],
] as const

let directory: TemporaryDirectory
beforeEach(async () => {
  directory = await TemporaryDirectory.create()
})
afterEach(() => directory[Symbol.asyncDispose]())

const run = (path: string, command: string, ...args: string[]) =>
  runCommand({ args: [command, ...args], environment: { CQ_DB_PATH: path } })

const vectorsOf = (path: string) =>
  onDatabase(path, (db) => db.prepare<[], Row>('select * from knowledge_units_vec').all())

describe.each(starts)(
  "a %s file with the reference's semantic search, rows: %s",
  (fixture, rows) => {
    const start = () => withSemanticSearch(copyOf(fixture), rows)

    it('is migrated, checked, rebuilt and backed up', async () => {
      const path = start()
      const vectors = vectorsOf(path)
      const copy = directory.file('copy.db')
      for (const [command = '', ...args] of [
        ['migrate'],
        ['check'],
        ['check', '--rebuild'],
        ['backup', copy],
      ])
        expect(await run(path, command, ...args), command).toMatchObject({ code: 0, stderr: '' })
      expect(vectorsOf(path)).toEqual(vectors)
      expect(vectorsOf(copy)).toEqual(vectors)
      expect(await run(copy, 'check')).toMatchObject({ code: 0, stderr: '' })
    })

    it('is opened, written to and tidied up by a store', async () => {
      const log = new RecordedLog()
      const path = start()
      {
        await using store = await SqliteStore.open({ path, readers: 1, log })
        const [item] = await store.pendingQueue({ limit: 1 })
        const { id = '', evidence } = item?.knowledge_unit ?? {}
        await store.decide(id, 'approved', 'carol')
        expect((await store.confirm(id)).evidence.confirmations).toBe(
          (evidence?.confirmations ?? 0) + 1,
        )
      }
      expect(log.entries).toEqual([])
    })
  },
)

describe('a damaged file with tables of another program', () => {
  it('is told so', async () => {
    const path = withSemanticSearch(copyOf('current'), 'all kinds')
    migrateFile(path)
    onDatabase(path, (db) => {
      db.unsafeMode()
      db.pragma('writable_schema = on')
      db.exec(`update sqlite_schema set rootpage =
        (select rootpage from sqlite_schema where name = 'idx_domains_domain') where name = 'idx_cq_store_created'`)
    })
    const { code, stdout } = await run(path, 'check')
    expect(code).toBe(1)
    expect(stdout).toMatch(/\nintegrity {7}WRONG/)
  })
})
