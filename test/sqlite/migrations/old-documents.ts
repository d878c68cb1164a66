import { databaseOf, onDatabase } from './database-file.ts'

/** The schema of cq 0.x: of its first servers, and of those that had review. */
const units = `create table knowledge_units (id text primary key, data text not null);
  create table knowledge_unit_domains (
    unit_id text not null, domain text not null,
    foreign key (unit_id) references knowledge_units(id) on delete cascade,
    primary key (unit_id, domain));
  create index idx_domains_domain on knowledge_unit_domains(domain)`
const review = [
  "alter table knowledge_units add column status text not null default 'pending'",
  'alter table knowledge_units add column reviewed_by text',
  'alter table knowledge_units add column reviewed_at text',
  'alter table knowledge_units add column created_at text',
  "alter table knowledge_units add column tier text not null default 'private'",
]

export interface OldUnit {
  readonly id: string
  readonly status?: string
  /** What its document has besides, or in place of, what all have. */
  readonly document?: object
  readonly domains?: readonly string[]
}

const observed = '2026-01-02T03:04:05.000006Z'

export function oldDocument({ id, document = {}, domains = ['sqlite'] }: OldUnit): object {
  return {
    id,
    version: 1,
    domain: domains,
    insight: { summary: `Summary of ${id}`, detail: 'Detail.', action: 'Action.' },
    context: { languages: ['go'], frameworks: [], pattern: '' },
    evidence: {
      confidence: 0.6,
      confirmations: 2,
      first_observed: observed,
      last_confirmed: observed,
    },
    tier: 'TIER_PRIVATE',
    created_by: 'carol',
    superseded_by: null,
    flags: [],
    ...document,
  }
}

/** Adds units of cq 0.x to a file that has the tables. */
export function insertOldUnits(path: string, rows: readonly OldUnit[]): void {
  onDatabase(path, (db) => {
    const hasReview = db
      .prepare("select 1 from pragma_table_info('knowledge_units') where name = 'status'")
      .get()
    const insert = db.prepare('insert into knowledge_units (id, data) values (?, ?)')
    const insertDomain = db.prepare('insert into knowledge_unit_domains values (?, ?)')
    db.exec('begin')
    for (const unit of rows) {
      insert.run(unit.id, JSON.stringify(oldDocument(unit)))
      for (const domain of unit.domains ?? ['sqlite']) insertDomain.run(unit.id, domain)
      if (hasReview && unit.status)
        db.prepare(
          `update knowledge_units set status = ?, reviewed_by = 'dave', reviewed_at = ?, created_at = ? where id = ?`,
        ).run(
          unit.status,
          '2026-01-03T00:00:00.000001+00:00',
          '2026-01-02T03:04:05.000006+00:00',
          unit.id,
        )
    }
    db.exec('commit')
  })
}

/** A file as a server of cq 0.x left it. */
export function oldFile(rows: readonly OldUnit[], { hasReview = true } = {}): string {
  const path = databaseOf(units, ...(hasReview ? review : []))
  insertOldUnits(path, rows)
  return path
}
