import type { Part } from './changes-and-counts.ts'
import type { Migration } from './migration.ts'

// What this step makes never changes; a later version adds another step. So it imports nothing that may.

/**
 * The beginning of a document, as most are written: all that is indexed of it stands there. Compared as text, so that
 * no odd document makes another program's write fail.
 */
const beginning = (unit: string) => `left(${unit}.data, position('"context":' in ${unit}.data))`
const isOrdinary = (unit: string) =>
  `position('"insight":' in ${unit}.data) between 1 and position('"context":' in ${unit}.data)`

const body = ` begin
  if tg_op = 'DELETE' then
    insert into cq_store_unindexed (unit_id) values (old.id);
  elsif tg_op = 'UPDATE' and old.id <> new.id then
    insert into cq_store_unindexed (unit_id) values (old.id), (new.id);
  else
    insert into cq_store_unindexed (unit_id) values (new.id);
  end if;
  return null;
end `

/** Confirmations and flags change nothing that is indexed. */
const triggers = {
  text_added: `after insert on knowledge_units for each row when (new.status = 'approved')`,
  text_changed: `after update on knowledge_units for each row when (
    old.id <> new.id or (old.status = 'approved') <> (new.status = 'approved')
    or new.status = 'approved' and old.data <> new.data
      and not (${isOrdinary('new')} and ${beginning('old')} = ${beginning('new')}))`,
  text_removed: `after delete on knowledge_units for each row when (old.status = 'approved')`,
}

/** In the order in which they are made. */
export const textParts: readonly Part[] = [
  {
    what: 'table',
    name: 'cq_store_unindexed',
    text: 'r',
    make: () => [
      `create table if not exists cq_store_unindexed (
        entry bigint generated always as identity primary key,
        unit_id text collate "C" not null
      )`,
    ],
  },
  {
    what: 'table',
    name: 'cq_store_texts',
    text: 'r',
    make: () => [
      `create table if not exists cq_store_texts (
        unit_id text collate "C" primary key,
        words tsvector
      )`,
    ],
  },
  {
    what: 'index',
    name: 'idx_cq_store_words',
    make: () => [
      'create index if not exists idx_cq_store_words on cq_store_texts using gin (words) with (fastupdate = off)',
    ],
  },
  {
    // Words were cut and stemmed before, with a space between each.
    what: 'function',
    name: 'cq_store_vector',
    make: () => [
      `create or replace function cq_store_vector(words text) returns tsvector
        language sql immutable strict parallel safe as $body$
        select coalesce(string_agg(word || ':' || least(place, 16383), ' '), '')::tsvector
        from unnest(string_to_array(words, ' ')) with ordinality as list (word, place) where word <> ''
      $body$`,
    ],
  },
  {
    what: 'function',
    name: 'cq_store_queue_text',
    text: body,
    // As its owner, since the reference server may run as another role, which need not know these tables.
    make: (schema) => [
      `create or replace function cq_store_queue_text() returns trigger
        language plpgsql security definer set search_path = ${schema}, pg_temp as $body$${body}$body$`,
    ],
  },
  ...Object.entries(triggers).map(
    ([name, trigger]): Part => ({
      what: 'trigger',
      name: `cq_store_${name}`,
      // Enabled.
      text: 'O',
      make: () => [
        `drop trigger if exists cq_store_${name} on knowledge_units`,
        `create trigger cq_store_${name} ${trigger} execute function cq_store_queue_text()`,
      ],
    }),
  ),
]

/** To make the index anew is to queue all units. */
export const queueAll: readonly string[] = [
  'delete from cq_store_texts',
  'delete from cq_store_unindexed',
  `insert into cq_store_unindexed (unit_id) select id from knowledge_units where status = 'approved'`,
]

/** Units of which either only one knows: those that are approved, or those whose words are indexed. */
export const selectTextDrift = `
  select unit_id, approved from (
    select coalesce(unit.id, text.unit_id) as unit_id, unit.id is not null as approved
    from (select id from knowledge_units where status = 'approved') as unit
    full join cq_store_texts as text on text.unit_id = unit.id
    where unit.id is null or text.unit_id is null
  ) as drift
  where unit_id not in (select unit_id from cq_store_unindexed) order by unit_id`

/**
 * Makes the index of words. Units whose text changed are queued, and indexed by a server right after: the write
 * itself costs one row.
 */
export const texts: Migration = {
  name: '2026-11-29 texts',
  async up(send) {
    const schema = String(
      (await send('select quote_ident(current_schema()) as name')).rows[0]?.name,
    )
    // No write may come between what is queued here and the triggers.
    await send('lock table knowledge_units in share row exclusive mode')
    for (const { make } of textParts) for (const sql of make(schema)) await send(sql)
    for (const sql of queueAll) await send(sql)
  },
}
