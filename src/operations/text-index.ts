import { StoreError } from '../errors.ts'
import { readUnit, type StoredUnit } from '../knowledge/document.ts'
import type { KnowledgeUnit } from '../knowledge/records.ts'
import { stemmedText } from '../knowledge/words.ts'
import { listed } from '../sql/listed.ts'
import { sql, statement } from '../sql/statement.ts'
import { allWithin, change, first, mostAnswered, type Steps } from '../sql/steps.ts'
import { unlessUnreadable } from './readable.ts'

// The words of approved units are indexed after they were stored: triggers queue each unit whose text has changed.

/** Units whose words are indexed in one transaction. */
const indexedAtOnce = 100
/** What a search reads through that is still to be indexed: about 300 ms of work. */
const mostReadThrough = 2_000
const mostTextReadThrough = 33_554_432

/** Other servers may be at it. What they index is theirs until they commit. */
const takeTurn = statement('take the turn to index texts', (db, _: object, dialect) =>
  db.selectNoFrom(
    (dialect === 'sqlite'
      ? sql<number>`1`
      : sql<number>`pg_try_advisory_xact_lock(hashtext('cq-store texts'), hashtext(current_schema()))::int`
    ).as('is_taken'),
  ),
)

/** A unit that is no longer approved has no document here. */
const queued = (name: string, limit: number) =>
  statement(name, (db, _: object) =>
    db
      .selectFrom((eb) =>
        eb
          .selectFrom('cq_store_unindexed')
          .select(['entry', 'unit_id'])
          .orderBy('entry')
          .limit(sql.lit(limit))
          .as('queued'),
      )
      .leftJoin('knowledge_units', (join) =>
        join
          .onRef('knowledge_units.id', '=', 'queued.unit_id')
          .on('status', '=', sql.lit('approved')),
      )
      .select(['queued.entry', 'queued.unit_id', 'data', 'created_at'])
      .orderBy('queued.entry'),
  )

const selectQueued = queued('select the next units to be indexed', indexedAtOnce)
const selectUnindexed = queued('select all units to be indexed', mostReadThrough + 1)

const countUnindexed = statement('count the units that are to be indexed', (db, _: object) =>
  db
    .selectFrom((eb) =>
      eb
        .selectFrom('cq_store_unindexed')
        .select('entry')
        .limit(sql.lit(mostReadThrough + 1))
        .as('some'),
    )
    .select(({ fn }) => fn.countAll<number>().as('units')),
)

const deleteQueued = statement(
  'delete units from the queue of those to be indexed',
  (db, p: { entries: string }, dialect) =>
    db
      .deleteFrom('cq_store_unindexed')
      .where('entry', 'in', (eb) =>
        eb
          .selectFrom(listed(p.entries, dialect).as('listed'))
          .select(sql<number>`cast(listed.value as bigint)`.as('entry')),
      ),
)

/** On SQLite a trigger deletes their words. */
const deleteTexts = statement(
  'delete units from the index of words',
  (db, p: { ids: string }, dialect) =>
    db
      .deleteFrom('cq_store_texts')
      .where('unit_id', 'in', (eb) =>
        eb.selectFrom(listed(p.ids, dialect).as('listed')).select('listed.value'),
      ),
)

const deleteText = statement('delete a unit from the index of words', (db, p: { id: string }) =>
  db.deleteFrom('cq_store_texts').where('unit_id', '=', p.id),
)

const insertTexts = statement(
  'insert units into the index of words',
  (db, p: { ids: string }, dialect) =>
    db
      .insertInto('cq_store_texts')
      .columns(['unit_id'])
      .expression((eb) =>
        eb.selectFrom(listed(p.ids, dialect).as('listed')).select('listed.value'),
      ),
)

/** A unit's words by field, each a text of stems. */
export type UnitWords = ReturnType<typeof textOf>

const insertWords = statement(
  "insert units' words into the index",
  (db, p: { texts: string }, dialect) => ({
    compile: () =>
      (dialect === 'sqlite'
        ? sql`insert into cq_store_words (rowid, summary, detail, action, domains)
          select text, value ->> 'summary', value ->> 'detail', value ->> 'action', value ->> 'domains'
          from json_each(${p.texts}) join cq_store_texts on unit_id = value ->> 'id'`
        : sql`update cq_store_texts set words =
            setweight(cq_store_vector(given.domains), 'A') || setweight(cq_store_vector(given.summary), 'B')
            || setweight(cq_store_vector(given.action), 'C') || setweight(cq_store_vector(given.detail), 'D')
          from jsonb_to_recordset(cast(${p.texts} as jsonb))
            as given (id text, summary text, detail text, action text, domains text)
          where cq_store_texts.unit_id = given.id`
      ).compile(db),
  }),
)

interface Queued extends StoredUnit {
  readonly unit: KnowledgeUnit
}

/** What is queued to be indexed, as it is now: it is read through in place of being looked up. */
export interface Unindexed {
  readonly ids: ReadonlySet<string>
  readonly units: readonly Queued[]
}

/** @throws {StoreError} `unavailable` if too much is queued to read through */
export function* unindexed(): Steps<Unindexed> {
  const { rows, isCut } = yield* allWithin(mostTextReadThrough, selectUnindexed, {})
  if (isCut || rows.length > mostReadThrough) {
    const why = `more than ${mostReadThrough} units are still to be indexed by their words`
    throw new StoreError('unavailable', `${why}; try again in a moment`)
  }
  const units = new Map<string, Queued>()
  for (const { unit_id: id, data, created_at } of rows) {
    if (data === null || units.has(id)) continue
    const unit = yield* unlessUnreadable(() => readUnit({ id, data, created_at }))
    if (unit) units.set(id, { id, data, created_at, unit })
  }
  return { ids: new Set(rows.map(({ unit_id }) => unit_id)), units: [...units.values()] }
}

/** What a unit says, each field in stems. */
export function textOf({ domains, insight }: Pick<KnowledgeUnit, 'domains' | 'insight'>) {
  return {
    summary: stemmedText(insight.summary),
    detail: stemmedText(insight.detail),
    action: stemmedText(insight.action),
    domains: stemmedText(domains.join(' ')),
  }
}

/** Takes a unit's words out of the index at once, since they may be secret. */
export function* forgetText(id: string): Steps<void> {
  yield* change(deleteText, { id })
}

/** How many changes are queued, as far as a search tells them apart. */
export function* unindexedCount(): Steps<number> {
  return Number((yield* first(countUnindexed, {}))?.units ?? 0)
}

/** Indexes the units that are next in the queue, unless another server is at it. Returns how many entries it dealt with. */
export function* indexSome(): Steps<number> {
  if (Number((yield* first(takeTurn, {}))?.is_taken ?? 0) !== 1) return 0
  const { rows } = yield* allWithin(mostAnswered, selectQueued, {})
  if (rows.length === 0) return 0
  const texts = new Map<string, UnitWords & { readonly id: string }>()
  for (const { unit_id: id, data, created_at } of rows) {
    if (data === null) continue
    const unit = yield* unlessUnreadable(() => readUnit({ id, data, created_at }))
    if (unit) texts.set(id, { id, ...textOf(unit) })
  }
  const ids = JSON.stringify([...new Set(rows.map(({ unit_id }) => unit_id))])
  yield* change(deleteTexts, { ids })
  // Those that cannot be read, too, without words: so it can be told which are missing.
  const approved = new Set(rows.flatMap(({ unit_id, data }) => (data === null ? [] : [unit_id])))
  if (approved.size > 0) yield* change(insertTexts, { ids: JSON.stringify([...approved]) })
  if (texts.size > 0) yield* change(insertWords, { texts: JSON.stringify([...texts.values()]) })
  const entries = JSON.stringify(rows.map(({ entry }) => String(entry)))
  yield* change(deleteQueued, { entries })
  return rows.length
}
