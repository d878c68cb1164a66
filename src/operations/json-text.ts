import type { UnitText, UnitView } from '../knowledge/document.ts'
import type { KnowledgeUnit } from '../knowledge/records.ts'

/** A unit as part of a result. */
export class EmbeddedUnit {
  readonly text: UnitText
  constructor(text: UnitText) {
    this.text = text
  }
}

/**
 * Puts a stored unit into an operation's result. It is not an object with a unit's fields until the result has
 * been written and read as JSON, so an operation must not look into it. Documents are stored, sent and answered
 * as text, and parsed at most once, by whoever wants the object.
 */
export function unitOf(text: UnitText): EmbeddedUnit {
  return new EmbeddedUnit(text)
}

/** A result as an operation returns it: with embedded units in place of units. */
export type WithEmbeddedUnits<Result> = Result extends KnowledgeUnit
  ? EmbeddedUnit
  : Result extends object
    ? { [Name in keyof Result]: WithEmbeddedUnits<Result[Name]> }
    : Result

/**
 * Puts counts by name into a result. As text they keep their order; a JavaScript object would put names that look
 * like integers first, such as `2026`.
 */
export function recordOf(entries: Iterable<readonly [string, number]>): Record<string, number> {
  return new Map(entries) as object as Record<string, number>
}

/** A result as JSON text, with its units in the given view; `undefined` as the empty string. */
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

/** Reads the result that `writeResult` wrote. */
export function readResult(text: string): unknown {
  return text === '' ? undefined : JSON.parse(text)
}
