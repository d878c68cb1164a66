import { StoreError } from '../errors.ts'
import type { Send } from './connection.ts'
import { type Part, parts } from './migrations/changes-and-counts.ts'
import { proposalParts } from './migrations/proposals.ts'
import { indexes } from './migrations/reference-schema.ts'
import { rolesAndHistoryParts } from './migrations/roles-and-history.ts'
import { signInParts } from './migrations/sign-in.ts'
import { textParts } from './migrations/texts.ts'

/** A part that is missing, or is another one. */
export interface FaultyPart extends Part {
  readonly isMissing: boolean
  readonly message: string
}

const selectParts = `
  select 'index' as what, indexname::text as name, indexdef as text from pg_indexes where schemaname = current_schema()
  union all select 'trigger', tgname, tgenabled::text from pg_trigger where tgrelid = to_regclass('knowledge_units')
  union all select 'function', proname, prosrc from pg_proc where pronamespace = current_schema()::regnamespace
  union all select 'table', relname, relkind::text from pg_class
    where relnamespace = current_schema()::regnamespace and relkind in ('r', 'v', 'p')`

const needed: readonly Part[] = [
  ...parts,
  ...rolesAndHistoryParts,
  ...textParts,
  ...proposalParts,
  ...signInParts,
  ...indexes.map(
    (sql): Part => ({
      what: 'index',
      name: /EXISTS (\w+)/.exec(sql)?.[1] ?? '',
      make: () => [sql],
    }),
  ),
]

/** What the database does not have as it should, once all steps were taken. */
export async function faultyParts(send: Send): Promise<FaultyPart[]> {
  const { rows } = await send(selectParts)
  const there = new Map(
    rows.map(({ what, name, text }) => [`${what} ${name}`, plain(`${text}`)] as const),
  )
  return needed.flatMap((part): FaultyPart[] => {
    const { what, name, text } = part
    const found = there.get(`${what} ${name}`)
    if (found === undefined)
      return [{ ...part, isMissing: true, message: `the ${what} ${name} is missing` }]
    if (text === undefined || found === plain(text)) return []
    const fault = what === 'trigger' ? 'disabled' : "another one than this version's"
    return [{ ...part, isMissing: false, message: `the ${what} ${name} is ${fault}` }]
  })
}

/** @throws {StoreError} `corrupt` if something is missing without which answers are wrong; indexes only make them fast */
export async function requireParts(send: Send): Promise<void> {
  const missing = (await faultyParts(send)).filter(
    (part) => part.isMissing && part.what !== 'index',
  )
  if (missing.length === 0) return
  const names = missing.slice(0, 5).map(({ what, name }) => `the ${what} ${name}`)
  throw new StoreError(
    'corrupt',
    `the database lacks ${names.join(', ')}: cq-store check --rebuild makes what is missing; nothing was changed`,
  )
}

function plain(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim()
}
