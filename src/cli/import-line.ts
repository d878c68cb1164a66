import { closest, distance } from 'fastest-levenshtein'
import { parseExactly } from '../knowledge/exact-json.ts'
import { knowledgeUnitInputSchema } from '../knowledge/knowledge-unit.ts'
import { quoted } from '../knowledge/validation.ts'
import { administration } from '../operations/administration.ts'
import type { ReviewItemInput } from '../store.ts'
import type { ByteLine } from './byte-lines.ts'

/** The parts of a JSON Schema that say which fields there are. */
interface Fields {
  readonly properties?: Readonly<Record<string, Fields>>
  readonly items?: Fields
  readonly [keyword: string]: unknown
}

const lineFields: Fields = {
  properties: {
    knowledge_unit: knowledgeUnitInputSchema,
    status: {},
    reviewed_by: {},
    reviewed_at: {},
  } satisfies Record<keyof ReviewItemInput, Fields>,
}

/** The most unknown fields that are named of a line. */
const mostNamed = 5

/** The unit of a line; `undefined` if it is blank. @throws {Error} saying what is wrong */
export function readItem({ bytes }: ByteLine): ReviewItemInput | undefined {
  const text = decoded(bytes)
  if (text.trim() === '') return undefined
  const item = parsed(text) as ReviewItemInput | null
  if (typeof item !== 'object' || item === null || Array.isArray(item))
    throw new Error('it is not a JSON object')
  if (item.knowledge_unit === undefined && 'insight' in item)
    throw new Error('it has no knowledge_unit; a unit goes into {"knowledge_unit":{...}}')
  // The store would drop them silently, misspelt ones included.
  const unknown = [...unknownFields(item, lineFields).take(mostNamed)]
  if (unknown.length > 0) throw new Error(unknown.join('; '))
  if (item.knowledge_unit === undefined) throw new Error('it has no knowledge_unit')
  // The store's own check, so that each line gets its own message.
  administration.importUnits.prepare(new Date(), [item], undefined)
  return item
}

function* unknownFields(value: unknown, fields: Fields, path = ''): Generator<string, void> {
  if (typeof value !== 'object' || value === null) return
  if (Array.isArray(value)) {
    if (!fields.items) return
    for (const [index, item] of value.entries())
      yield* unknownFields(item, fields.items, `${path}[${index}]`)
    return
  }
  const { properties } = fields
  if (!properties) return
  for (const [name, inner] of Object.entries(value)) {
    const known = Object.hasOwn(properties, name) ? properties[name] : undefined
    if (known) yield* unknownFields(inner, known, path === '' ? name : `${path}.${name}`)
    else yield `${path || 'it'} has the unknown field ${quoted(name)}${hint(name, properties)}`
  }
}

/** A known name that was probably meant. */
function hint(name: string, properties: object): string {
  // A long name is not close to any, and slow to compare.
  const written = name.slice(0, 32).toLowerCase()
  const meant = closest(written, Object.keys(properties))
  return distance(written, meant) <= Math.ceil(meant.length / 3)
    ? `; did you mean ${quoted(meant)}?`
    : ''
}

function parsed(text: string): unknown {
  try {
    return parseExactly(text)
  } catch (error) {
    throw new Error(`it is not JSON: ${(error as SyntaxError).message}`)
  }
}

function decoded(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error('it is not UTF-8')
  }
}
