import { describe, expect, it } from 'vitest'
import { migrations } from '../../src/migrations/index.ts'
import { rankingIndex } from '../../src/migrations/ranking-index.ts'
import {
  copyOf,
  type Fixture,
  faultsOf,
  migratedContent,
  migrateFile,
  onDatabase,
} from './database-file.ts'

/** The ranking as it was before it had lists of what units have besides a domain. */
const previousRanking = `
  DROP TABLE cq_store_ranking;
  CREATE TABLE cq_store_ranking (
    domain TEXT NOT NULL,
    size INTEGER NOT NULL,
    confidence REAL NOT NULL,
    unit_id TEXT NOT NULL,
    PRIMARY KEY (domain, size, confidence, unit_id)
  ) WITHOUT ROWID;
  CREATE TRIGGER cq_store_rank_added_unit AFTER INSERT ON knowledge_units
  BEGIN SELECT 1; END;
  CREATE TRIGGER cq_store_rank_changed_unit AFTER UPDATE OF data, status ON knowledge_units
  WHEN old.status = 'approved' OR new.status = 'approved'
  BEGIN
    DELETE FROM cq_store_ranking WHERE (domain, size, confidence, unit_id) IN (
      SELECT domain, json_array_length(old.data, '$.domains'),
        json_extract(old.data, '$.evidence.confidence'), unit_id
      FROM knowledge_unit_domains WHERE unit_id = old.id AND old.status = 'approved');
    INSERT OR IGNORE INTO cq_store_ranking (domain, size, confidence, unit_id)
      SELECT domain, json_array_length(new.data, '$.domains'),
        json_extract(new.data, '$.evidence.confidence'), unit_id
      FROM knowledge_unit_domains WHERE unit_id = new.id AND new.status = 'approved';
  END;
  CREATE TRIGGER cq_store_rank_removed_unit BEFORE DELETE ON knowledge_units
  BEGIN SELECT 1; END;
  CREATE TRIGGER cq_store_rank_added_domain AFTER INSERT ON knowledge_unit_domains
  BEGIN SELECT 1; END;
  CREATE TRIGGER cq_store_rank_changed_domain AFTER UPDATE ON knowledge_unit_domains
  BEGIN SELECT 1; END;
  CREATE TRIGGER cq_store_rank_removed_domain AFTER DELETE ON knowledge_unit_domains
  BEGIN SELECT 1; END;
  UPDATE knowledge_units SET status = status;`

/** The ranking with fewer lists than it has for parts of a context. */
const rankingOfSingleParts = `
  DELETE FROM cq_store_ranking WHERE also GLOB '*languages*';
  CREATE TRIGGER cq_store_rank_added_unit AFTER INSERT ON knowledge_units
  BEGIN SELECT 1; END;`

/** The steps that this one replaced, with what they made of the ranking. */
const previousSteps = {
  '2026-11-22 ranking index': previousRanking,
  '2026-11-22 ranking lists': rankingOfSingleParts,
}
type PreviousStep = keyof typeof previousSteps

/** A file as that version left it: with what it has now, but for the ranking. */
function fileWithPreviousRanking(fixture: Fixture, step: PreviousStep): string {
  const path = copyOf(fixture)
  migrateFile(path)
  onDatabase(path, (db) => {
    const count = db.prepare<[], number>('SELECT count(*) FROM cq_store_ranking').pluck()
    const before = count.get()
    for (const { name } of triggersOf(db)) db.exec(`DROP TRIGGER ${name}`)
    db.exec(previousSteps[step])
    db.prepare('UPDATE cq_store_migrations SET name = ? WHERE name = ?').run(
      step,
      rankingIndex.name,
    )
    expect(count.get()).toBeGreaterThan(0)
    expect(count.get()).toBeLessThan(before ?? 0)
  })
  return path
}

function triggersOf(db: Parameters<Parameters<typeof onDatabase>[1]>[0]): { name: string }[] {
  const select =
    "SELECT name FROM sqlite_schema WHERE type = 'trigger' AND name GLOB 'cq_store_rank_*'"
  return db.prepare<[], { name: string }>(select).all()
}

describe('a file whose ranking has fewer lists', () => {
  const starts = (['current', 'legacy'] as const).flatMap((fixture) =>
    (Object.keys(previousSteps) as PreviousStep[]).map((step) => [fixture, step] as const),
  )

  it.each(starts)('gets those of this version: %s, of the step %s', (fixture, step) => {
    const path = fileWithPreviousRanking(fixture, step)
    migrateFile(path)
    const fresh = copyOf(fixture)
    migrateFile(fresh)
    const [{ steps, ...found }, { steps: newest, ...expected }] = [path, fresh].map(
      migratedContent,
    ) as [ReturnType<typeof migratedContent>, ReturnType<typeof migratedContent>]
    expect(found).toEqual(expected)
    expect(steps).toEqual([step, ...(newest ?? [])].sort())
    expect(newest).toEqual(migrations.map(({ name }) => name).sort())
    expect(faultsOf(path)).toEqual([])
  })
})
