import { type StoredUnit, UnitText, UnreadableDocument } from '../knowledge/document.ts'
import type { KnowledgeUnit } from '../knowledge/records.ts'
import { log, mostAnswered, type Rows, type Steps } from '../sql/steps.ts'
import { unitOf } from './json-text.ts'

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

/** Rows that can't be read and that others may stand in for, in one answer. */
const mostReplaced = 1_000

/**
 * As `readable`, for the first rows of an order: as many parts as are wanted, if there are so many and one
 * answer can hold them. Rows that can't be read give their places to those that follow, up to a bound.
 */
export function* firstReadable<Row extends StoredUnit, Part>(
  wanted: number,
  firstRows: (most: number, mostText: number) => Steps<Rows<Row>>,
  partOf: (unit: KnowledgeUnit, row: Row) => Part,
): Steps<Part[]> {
  const mostRows = wanted + mostReplaced
  let mostText = mostAnswered
  for (let most = wanted; ; most = Math.min(most * 2, mostRows), mostText *= 2) {
    const { rows, isCut } = yield* firstRows(most, mostText)
    const parts = yield* readable(rows, partOf)
    const isAll = isCut ? parts.length > 0 : rows.length < most
    if (isAll || most === mostRows || parts.length >= wanted) return parts.slice(0, wanted)
  }
}

/**
 * As `readable`, for a page of an order, which may be shorter for it. A page of which no row can be read gives
 * its place to the next one, since an empty one would look like the end.
 */
export function* readablePage<Row extends StoredUnit, Part>(
  limit: number,
  pageAfter: (last: Row | undefined, rowsBefore: number) => Steps<Rows<Row>>,
  partOf: (unit: KnowledgeUnit, row: Row) => Part,
): Steps<Part[]> {
  let last: Row | undefined
  let before = 0
  for (;;) {
    const { rows, isCut } = yield* pageAfter(last, before)
    const parts = yield* readable(rows, partOf)
    const isEnd = rows.length < limit && !isCut
    if (parts.length > 0 || isEnd || limit === 0) return parts
    last = rows.at(-1)
    before += rows.length
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
    yield* leaveOut(error)
    return undefined
  }
}

/** Says what is left out of answers. */
export function* leaveOut({ message }: Error): Steps<void> {
  yield* log(`a unit is left out of answers: ${message}`)
}
