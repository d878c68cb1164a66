import { type StoredUnit, UnitText, UnreadableDocument } from '../knowledge/document.ts'
import type { KnowledgeUnit } from '../knowledge/knowledge-unit.ts'
import { unitOf } from './json-text.ts'
import { log, type Steps } from './operation.ts'

/**
 * A result's part for each row whose unit can be read. The others are left out and logged, so that no
 * document of one row, which any program may have written, fails an answer that holds others.
 */
export function* readable<Row extends StoredUnit, Part>(
  rows: readonly Row[],
  partOf: (unit: KnowledgeUnit, row: Row) => Part,
): Steps<Part[]> {
  const parts: Part[] = []
  for (const row of rows) {
    const text = yield* unlessUnreadable(() => new UnitText(row))
    if (text) parts.push(partOf(unitOf(text), row))
  }
  return parts
}

/**
 * As `readable`, for the first rows of an order: as many parts as are wanted, if there are so many. Rows that
 * can't be read give their places to those that follow.
 */
export function* firstReadable<Row extends StoredUnit, Part>(
  wanted: number,
  firstRows: (most: number) => Steps<Row[]>,
  partOf: (unit: KnowledgeUnit, row: Row) => Part,
): Steps<Part[]> {
  for (let most = wanted; ; most *= 2) {
    const rows = yield* firstRows(most)
    const parts = yield* readable(rows, partOf)
    if (parts.length >= wanted || rows.length < most) return parts.slice(0, wanted)
  }
}

/** The unit of the row; none where there is no row, or it can't be read. */
export function* readableUnit(row: StoredUnit | undefined): Steps<KnowledgeUnit | null> {
  const [unit = null] = yield* readable(row ? [row] : [], (unit) => unit)
  return unit
}

/** What is made of a document; nothing where that can't be read, which is logged. */
export function* unlessUnreadable<Result>(make: () => Result): Steps<Result | undefined> {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof UnreadableDocument)) throw error
    yield* log(`a unit is left out of answers: ${error.message}`)
    return undefined
  }
}
