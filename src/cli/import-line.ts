import { closest, distance } from 'fastest-levenshtein'
import { parseExactly } from '../knowledge/exact-json.ts'
import { knowledgeUnitInputSchema } from '../knowledge/knowledge-unit.ts'
import { quoted } from '../knowledge/validation.ts'
import { administration } from '../operations/administration.ts'
import type { ReviewItemInput } from '../store.ts'
import type { ByteLine } from './byte-lines.ts'

/** As much of a JSON Schema as says which fields there are. */
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

/** Unknown fields that a line's fault names at most. */
const mostNamed = 5

/** The unit of a line; none of a blank one. @throws {Error} whose message says what is wrong */
export function readItem({ bytes }: ByteLine): ReviewItemInput | undefined {
  const text = decoded(bytes)
  if (text.trim() === '') return undefined
  const item = parsed(text) as ReviewItemInput | null
  if (typeof item !== 'object' || item === null || Array.isArray(item))
    throw new Error('it is no JSON object')
  if (item.knowledge_unit === undefined && 'insight' in item)
    throw new Error('it has no knowledge_unit; a unit goes into {"knowledge_unit":{...}}')
  // The store would leave them out without a word, and with them what somebody has misspelt.
  const unknown = [...unknownFields(item, lineFields).take(mostNamed)]
  if (unknown.length > 0) throw new Error(unknown.join('; '))
  if (item.knowledge_unit === undefined) throw new Error('it has no knowledge_unit')
  // What the store itself would say, told of each line on its own.
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

/** What somebody may have meant by a name. */
function hint(name: string, properties: object): string {
  // A long name is like none of them, and takes long to be compared.
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
    throw new Error(`it is no JSON: ${(error as SyntaxError).message}`)
  }
}

function decoded(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error('it is no UTF-8')
  }
}
