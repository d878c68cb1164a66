import { describe, expect, it } from 'vitest'
import { check } from '../../src/sqlite/check.ts'
import { contentOf, faultsOf, migrateFile, newPath, onDatabase, writer } from './database-file.ts'

/** A file as an earlier version left it, before confidence had indexes and buckets, and counters went at 0. */
function previousFile(): string {
  const path = newPath()
  migrateFile(path)
  onDatabase(path, (db) => {
    db.exec(`
      drop table cq_store_confidence_buckets;
      drop trigger cq_store_sum_added_confidence;
      drop trigger cq_store_sum_changed_confidence;
      drop trigger cq_store_sum_removed_confidence;
      drop index idx_cq_store_confidence;
      drop index idx_cq_store_created;
      create index idx_cq_store_created on knowledge_units (created_at, id);
      drop trigger cq_store_remove_spent;
      insert into cq_store_counts values ('domain', 'of nothing', 0);
      delete from cq_store_migrations where name like '% confidence indexes'
        or name like '% confidence buckets' or name like '% spent counters'`)
    const insert = db.prepare('insert into knowledge_units (id, data, status) values (?, ?, ?)')
    for (let number = 0; number < 300; number++) {
      const confidence = (number % 7) / 7
      const data = number % 10 === 0 ? 'no JSON' : JSON.stringify({ evidence: { confidence } })
      insert.run(`unit ${number}`, data, ['approved', 'pending'][number % 2])
    }
  })
  return path
}

describe('a file of the previous version', () => {
  it('gets what a new file has, filled from what it holds', () => {
    const path = previousFile()
    migrateFile(path)
    const made = newPath()
    migrateFile(made)
    expect(contentOf(path).schema).toEqual(contentOf(made).schema)
    const connection = writer(path)
    const findings = check(connection).filter((finding) => finding.check !== 'documents')
    const counts = connection.sqlite.prepare(
      `select (select sum(count) from cq_store_confidence_buckets) as inBuckets,
        (select sum(count) from cq_store_confidence_counts) as counted`,
    )
    expect(findings).toEqual([])
    expect(counts.get()).toEqual({ inBuckets: 120, counted: 120 })
    const spent = connection.sqlite.prepare('select name from cq_store_counts where count = 0')
    expect(spent.pluck().all()).toEqual([])
    connection.sqlite.close()
    expect(faultsOf(path)).toEqual([])
  })
})
