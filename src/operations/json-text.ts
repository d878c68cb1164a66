import { type UnitView, unitText } from '../knowledge/document.ts'
import type { KnowledgeUnit } from '../knowledge/knowledge-unit.ts'

/** A unit as a part of a result: its document, as it is stored. */
export class StoredUnit {
  readonly document: string
  constructor(document: string) {
    this.document = document
  }
}

/**
 * Lets a stored document stand where an operation's result has a unit. It is none until the result has been
 * written and read as JSON, so an operation must not look into it. Documents are stored as text, and
 * travel and leave as text: they are parsed at most once, by the one who wants the object.
 */
export function unitOf(document: string): KnowledgeUnit {
  return new StoredUnit(document) as object as KnowledgeUnit
}

/** A result as JSON text, its units seen as the view; `undefined` as the empty string. */
export function writeResult(result: unknown, view: UnitView = 'whole'): string {
  if (result === undefined) return ''
  if (result instanceof StoredUnit) return unitText(result.document, view)
  if (Array.isArray(result))
    return `[${result.map((item) => writeResult(item, view) || 'null').join(',')}]`
  if (typeof result !== 'object' || result === null) return JSON.stringify(result)
  const members = Object.entries(result)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${JSON.stringify(name)}:${writeResult(value, view)}`)
  return `{${members.join(',')}}`
}

/** The result that `writeResult` wrote. */
export function readResult(text: string): unknown {
  return text === '' ? undefined : JSON.parse(text)
}
