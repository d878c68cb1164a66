import type { UnitText, UnitView } from '../knowledge/document.ts'
import type { KnowledgeUnit } from '../knowledge/records.ts'

/** A unit as a part of a result. */
class EmbeddedUnit {
  readonly text: UnitText
  constructor(text: UnitText) {
    this.text = text
  }
}

/**
 * Lets a stored unit stand where an operation's result has a unit. It is none until the result has been
 * written and read as JSON, so an operation must not look into it. Documents are stored as text, and
 * travel and leave as text: they are parsed at most once, by the one who wants the object.
 */
export function unitOf(text: UnitText): KnowledgeUnit {
  return new EmbeddedUnit(text) as object as KnowledgeUnit
}

/**
 * Lets figures by name stand where a result has a record. As text they stay in their order; an object has
 * names that look like integers first, which `2026` does, and domains may.
 */
export function recordOf(entries: Iterable<readonly [string, number]>): Record<string, number> {
  return new Map(entries) as object as Record<string, number>
}

/** A result as JSON text, its units seen as the view; `undefined` as the empty string. */
export function writeResult(result: unknown, view: UnitView = 'whole'): string {
  if (result === undefined) return ''
  if (result instanceof EmbeddedUnit) return result.text.seenAs(view)
  if (Array.isArray(result))
    return `[${result.map((item) => writeResult(item, view) || 'null').join(',')}]`
  if (typeof result !== 'object' || result === null) return JSON.stringify(result)
  const members = (result instanceof Map ? [...result] : Object.entries(result))
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${JSON.stringify(name)}:${writeResult(value, view)}`)
  return `{${members.join(',')}}`
}

/** The result that `writeResult` wrote. */
export function readResult(text: string): unknown {
  return text === '' ? undefined : JSON.parse(text)
}
