import { copyFile, stat } from 'node:fs/promises'
import Sqlite from 'better-sqlite3'
import { toStoredText } from '../src/knowledge/document.ts'
import { documentToColumn } from '../src/knowledge/timestamps.ts'
import { directBusyTimeout, directly } from '../src/sqlite/direct/directly.ts'
import { completeReferenceSchema } from '../src/sqlite/migrations/reference-schema.ts'
import { databaseOf, migrate } from '../src/sqlite/migrator.ts'
import { flush } from './cell.ts'
import { Corpus } from './corpus.ts'

/** Enough for the reference server's tables and indexes of a million units, in KiB. */
const pageCache = 1_048_576

export interface TemplateRequest {
  readonly path: string
  readonly units: number
  readonly seed: number
  /** Where to leave the file as the reference server has it, without the tables of this store. */
  readonly referencePath?: string
}

/** What making it took. */
export interface TemplateFigures {
  readonly units: number
  /** Writing units into the tables of the reference server, in seconds. */
  readonly fillSeconds: number
  /** Bringing that file to the schema of this store, in seconds. */
  readonly migrateSeconds: number
  /** How large the file was before that, and after it, in bytes. */
  readonly referenceBytes: number
  readonly bytes: number
}

/**
 * Makes a file full of approved units, to be copied for each measurement that writes: first with the
 * tables of the reference server alone, by plain SQL, then brought to this store's schema as
 * `cq-store migrate` does it.
 */
export async function makeTemplate(request: TemplateRequest): Promise<TemplateFigures> {
  const { path, units, referencePath } = request
  const start = performance.now()
  fillReferenceTables(request)
  const filled = performance.now()
  const referenceBytes = (await stat(path)).size
  await flush(path)
  if (referencePath !== undefined) {
    await copyFile(path, referencePath)
    await flush(referencePath)
  }
  const copied = performance.now()
  await directly({ path, access: 'write' }, (connection) => {
    migrate(connection, directBusyTimeout)
  })
  const migrated = performance.now()
  return {
    units,
    fillSeconds: (filled - start) / 1_000,
    migrateSeconds: (migrated - copied) / 1_000,
    referenceBytes,
    bytes: (await stat(path)).size,
  }
}

function fillReferenceTables({ path, units, seed }: TemplateRequest): void {
  const corpus = new Corpus(units, seed)
  const sqlite = new Sqlite(path)
  try {
    // Whatever fails, the file is thrown away.
    sqlite.pragma('journal_mode = MEMORY')
    sqlite.pragma('synchronous = OFF')
    sqlite.pragma(`cache_size = -${pageCache}`)
    completeReferenceSchema(databaseOf(sqlite))
    const insertUnit = sqlite.prepare(
      `INSERT INTO knowledge_units (id, data, status, reviewed_by, reviewed_at, created_at, tier)
       VALUES (?, ?, 'approved', 'bench', ?, ?, ?)`,
    )
    const insertDomain = sqlite.prepare(
      'INSERT INTO knowledge_unit_domains (unit_id, domain) VALUES (?, ?)',
    )
    // In one go, so that no page of an index is written more often than it has to be.
    const insertAll = sqlite.transaction(() => {
      for (let index = 0; index < units; index++) {
        const unit = corpus.unitAt(index)
        const createdAt = documentToColumn(unit.evidence.first_observed)
        insertUnit.run(unit.id, toStoredText(unit), createdAt, createdAt, unit.tier)
        for (const domain of unit.domains) insertDomain.run(unit.id, domain)
      }
    })
    insertAll()
  } finally {
    sqlite.close()
  }
}
