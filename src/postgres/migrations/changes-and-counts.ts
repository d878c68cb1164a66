import type { Migration, Send } from './migration.ts'

// What this step makes never changes; a later version adds another step. So it imports nothing that may.
//
// Nothing is read of a document here, so that no odd one makes another program's write fail; names are cut, since an
// index takes no long ones.

/** What is counted of units: under which kind and name, and which are. */
const counted = (unit: string) => `(values
    ('status', left(${unit}.status, 100), true),
    ('proposed', left(${unit}.created_at, 10), ${unit}.created_at is not null),
    (left(${unit}.status, 100), left(${unit}.reviewed_at, 10),
      ${unit}.reviewed_at is not null and ${unit}.status in ('approved', 'rejected'))
  ) as counter (kind, name, applies)`

const countsOf = (rows: string, each: number) =>
  `select kind, name, ${each} as units from ${rows} as unit cross join lateral ${counted('unit')} where applies`

/**
 * Two sessions that count at the same time do so in rows of their own, or would wait for each other, and some for
 * ever. They add in one order, for where two share rows all the same.
 */
const addCounts = (changes: string) => `
  insert into cq_store_count_slots (kind, name, slot, count)
  select kind, name, pg_backend_pid() % 64, sum(units) from (${changes}) as changes
  group by kind, name having sum(units) <> 0 order by kind, name
  on conflict (kind, name, slot) do update set count = cq_store_count_slots.count + excluded.count;`

/** Notes which units changed that queries may find, or might before, and in which transaction. */
const noteChanges = (ids: string) => `
  insert into cq_store_changes (unit_id, changed)
  select id, pg_current_xact_id() from (${ids}) as ids order by id
  on conflict (unit_id) do update set changed = excluded.changed;`

const approvedIn = (rows: string) => `select id from ${rows} where status = 'approved'`

const bodies = {
  added: addCounts(countsOf('added', 1)) + noteChanges(approvedIn('added')),
  removed: addCounts(countsOf('removed', -1)) + noteChanges(approvedIn('removed')),
  changed:
    addCounts(`${countsOf('added', 1)} union all ${countsOf('removed', -1)}`) +
    noteChanges(`${approvedIn('added')} union ${approvedIn('removed')}`),
  // The empty id stands for all units.
  emptied: `delete from cq_store_count_slots;${noteChanges("select '' as id")}`,
} as const

const triggers: Readonly<Record<keyof typeof bodies, string>> = {
  added: 'after insert on knowledge_units referencing new table as added',
  removed: 'after delete on knowledge_units referencing old table as removed',
  changed: 'after update on knowledge_units referencing new table as added old table as removed',
  emptied: 'after truncate on knowledge_units',
}

const tables = [
  `create table cq_store_changes (
    unit_id text collate "C" primary key,
    changed xid8 not null
  )`,
  'create index idx_cq_store_changed on cq_store_changes (changed)',
  `create table cq_store_count_slots (
    kind text collate "C" not null,
    name text collate "C" not null,
    slot integer not null,
    count bigint not null,
    primary key (kind, name, slot)
  ) with (fillfactor = 50)`,
  `create view cq_store_counts as
    select kind, name, sum(count)::bigint as count from cq_store_count_slots group by kind, name`,
]

const indexes = [
  'create index idx_cq_store_id on knowledge_units (id collate "C" nulls first)',
  'create index idx_cq_store_created on knowledge_units (created_at collate "C" desc nulls last, id collate "C" desc nulls last)',
  `create index idx_cq_store_review on knowledge_units (status, created_at collate "C" desc nulls last, id collate "C" desc nulls last)
    where status <> 'approved'`,
  `create index idx_cq_store_reviewed on knowledge_units (reviewed_at collate "C" desc nulls last, id collate "C" desc nulls last)
    where reviewed_at is not null`,
  `create index idx_cq_store_undated on knowledge_units (created_at collate "C" desc nulls last, id collate "C" desc nulls last)
    where reviewed_at is null and status <> 'pending'`,
  'create index idx_cq_store_username on users (username collate "C" nulls first)',
]

/**
 * A figure and a text in documents, which may be anything. What PostgreSQL cannot read as JSON, though it is, is
 * searched for the figure.
 */
const readers = [
  `create function cq_store_confidence(document text) returns double precision
    language plpgsql immutable strict parallel safe as $body$
    begin
      return coalesce((document::jsonb #>> '{evidence,confidence}')::double precision, 0.5);
    exception when others then
      begin
        return substring(document, '"confidence"\\s*:\\s*([0-9.eE+-]+)')::double precision;
      exception when others then
        return null;
      end;
    end $body$`,
  `create function cq_store_summary(document text) returns text
    language plpgsql immutable strict parallel safe as $body$
    begin
      return document::jsonb #>> '{insight,summary}';
    exception when others then
      return null;
    end $body$`,
]

/** What is counted of the units that there are: one row each. */
export const countedUnits = countsOf('knowledge_units', 1)

/** Counts anew. No write may come between. */
export const recount: readonly string[] = [
  'delete from cq_store_count_slots',
  addCounts(countedUnits).replace(/;$/, ''),
]

const functionOf = (name: string) => `cq_store_note_${name}`
const bodyOf = (body: string) => ` begin ${body} return null; end `

/** Something that the database must have beside the units. */
export interface Part {
  readonly what: 'table' | 'index' | 'function' | 'trigger'
  readonly name: string
  /** By which the database tells whether it is the same, if it does. */
  readonly text?: string
  /** Makes it, or makes it anew if it is another one. */
  readonly make: (schema: string) => readonly string[]
}

/** Names each by what its statement makes. */
const made = (what: Part['what'], sql: string, text?: string): Part => ({
  what,
  name: /^create \w+ (\w+)/.exec(sql)?.[1] ?? '',
  ...(text !== undefined && { text }),
  make: () => [sql.replace(/^create function/, 'create or replace function')],
})

/** In the order in which they are made. */
export const parts: readonly Part[] = [
  ...tables.map((sql) =>
    sql.startsWith('create index')
      ? made('index', sql)
      : made('table', sql, sql.startsWith('create view') ? 'v' : 'r'),
  ),
  ...indexes.map((sql) => made('index', sql)),
  ...readers.map((sql) => made('function', sql)),
  ...Object.entries(bodies).flatMap(([name, body]): Part[] => [
    {
      what: 'function',
      name: functionOf(name),
      text: bodyOf(body),
      // As its owner, since the reference server may run as another role, which need not know these tables.
      make: (schema) => [
        `create or replace function ${functionOf(name)}() returns trigger
        language plpgsql security definer set search_path = ${schema}, pg_temp as $body$${bodyOf(body)}$body$`,
      ],
    },
    {
      what: 'trigger',
      name: `cq_store_${name}`,
      // Enabled.
      text: 'O',
      make: () => [
        `drop trigger if exists cq_store_${name} on knowledge_units`,
        `create trigger cq_store_${name} ${triggers[name as keyof typeof bodies]}
        for each statement execute function ${functionOf(name)}()`,
      ],
    },
  ]),
]

/** Makes parts, and counts anew. */
export async function makeParts(send: Send, wanted: readonly Part[]): Promise<void> {
  const schema = String((await send('select quote_ident(current_schema()) as name')).rows[0]?.name)
  // No write may come between what is counted here and the triggers.
  await send('lock table knowledge_units in share row exclusive mode')
  for (const { make } of wanted) for (const sql of make(schema)) await send(sql)
  for (const sql of recount) await send(sql)
}

/** Makes what queries, listings and statistics need beside the units. */
export const changesAndCounts: Migration = {
  name: '2026-11-27 changes and counts',
  up: (send) => makeParts(send, parts),
}
