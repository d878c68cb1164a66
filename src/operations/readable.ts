import { type StoredUnit, UnitText, UnreadableDocument } from '../knowledge/document.ts'
import { log, mostAnswered, type Rows, type Steps } from '../sql/steps.ts'
import { type EmbeddedUnit, unitOf } from './json-text.ts'

/**
 * A part of the result for each row whose unit can be read. Others are skipped and logged: one odd document,
 * which any program may have written, must not fail a whole answer.
 */
export function* readable<Row extends StoredUnit, Part>(
  rows: readonly Row[],
  partOf: (unit: EmbeddedUnit, row: Row) => Part,
): Steps<Part[]> {
  const parts: Part[] = []
  for (const row of rows) {
    const text = yield* unlessUnreadable(() => new UnitText(row))
    if (text) parts.push(partOf(unitOf(text), row))
  }
  return parts
}

/** The most unreadable rows that are replaced by others in one answer. */
const mostReplaced = 1_000

/**
 * As `readable`, for the first rows in an order: as many parts as are wanted, if one answer can hold them. Rows
 * that cannot be read are replaced by the next ones, up to a limit.
 */
export function* firstReadable<Row extends StoredUnit, Part>(
  wanted: number,
  firstRows: (most: number, mostText: number) => Steps<Rows<Row>>,
  partOf: (unit: EmbeddedUnit, row: Row) => Part,
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
 * As `readable`, for a page, which may therefore be shorter. A page with no readable row is replaced by the next
 * one, since an empty one would look like the end.
 */
export function* readablePage<Row extends StoredUnit, Part>(
  limit: number,
  pageAfter: (last: Row | undefined, rowsBefore: number) => Steps<Rows<Row>>,
  partOf: (unit: EmbeddedUnit, row: Row) => Part,
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

/** The unit of a row; `null` if there is no row, or it cannot be read. */
export function* readableUnit(row: StoredUnit | undefined): Steps<EmbeddedUnit | null> {
  const [unit = null] = yield* readable(row ? [row] : [], (unit) => unit)
  return unit
}

/** What is made of a document; `undefined` if it cannot be read, which is logged. */
export function* unlessUnreadable<Result>(make: () => Result): Steps<Result | undefined> {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof UnreadableDocument)) throw error
    yield* leaveOut(error)
    return undefined
  }
}

/** Logs that a unit is left out of answers. */
export function* leaveOut({ message }: Error): Steps<void> {
  yield* log(`a unit is left out of answers: ${message}`)
}
