/**
 * Timestamps have two spellings of the same instant, always UTC and with six digits of fraction:
 * `2026-11-22T00:27:30.476797Z` inside a unit's document, `2026-11-22T00:27:30.476797+00:00` in
 * columns. Columns are compared as text, so one form and one width matter.
 */
const timestamp =
  /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:?\d{2})?$/i

/** A document's form, on a day that every month has: there is nothing to check and nothing to change. */
const plainTimestamp =
  /^(?!0000)\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{6}Z$/

/** An instant as columns hold it. A `Date` knows milliseconds; the last three digits are zeros. */
export function columnTimestamp(instant: Date): string {
  return `${instant.toISOString().slice(0, -1)}000+00:00`
}

/** An instant as a unit's document holds it. */
export function documentTimestamp(instant: Date): string {
  return `${instant.toISOString().slice(0, -1)}000Z`
}

/**
 * Turns a column's timestamp into a document's, also where cq's reference server wrote it without a
 * fraction or an offset. Text that is no timestamp stays as it is, so that its row can still be read.
 */
export function columnToDocument(text: string): string {
  return isTimestamp(text) ? normalizeTimestamp(text) : text
}

/** Turns a document's timestamp into a column's, whatever offset and precision it was written with. */
export function documentToColumn(text: string): string {
  return `${normalizeTimestamp(text).slice(0, -1)}+00:00`
}

/**
 * The same instant in a document's form: UTC, six digits, `Z`. Text without an offset is UTC.
 * @throws {RangeError} when the text is no timestamp
 */
export function normalizeTimestamp(text: string): string {
  if (plainTimestamp.test(text)) return text
  const [, date, time, fraction = '', offset = 'Z'] = timestamp.exec(text) ?? []
  const seconds = new Date(`${date}T${time}${normalizeOffset(offset)}`)
  if (Number.isNaN(seconds.getTime()) || rollsOver(`${date}T${time}`))
    throw new RangeError(`not a timestamp: ${text.slice(0, 64)}`)
  const year = seconds.getUTCFullYear()
  if (year < 1 || year > 9999)
    throw new RangeError(`not a timestamp of the years 1 to 9999: ${text}`)
  return `${seconds.toISOString().slice(0, 19)}.${fraction.slice(0, 6).padEnd(6, '0')}Z`
}

/** Whether `normalizeTimestamp` takes the text. */
export function isTimestamp(text: string): boolean {
  try {
    normalizeTimestamp(text)
    return true
  } catch {
    return false
  }
}

/** `Date` takes 30 February for 2 March, and 24:00 for the next day. */
function rollsOver(local: string): boolean {
  return !new Date(`${local}Z`).toISOString().startsWith(local)
}

function normalizeOffset(offset: string): string {
  if (offset.toUpperCase() === 'Z') return 'Z'
  return offset.includes(':') ? offset : `${offset.slice(0, 3)}:${offset.slice(3)}`
}

/** The UTC day of an instant, `YYYY-MM-DD`, moved by some days. */
export function utcDay(instant: Date, plusDays = 0): string {
  return new Date(instant.getTime() + plusDays * 86_400_000).toISOString().slice(0, 10)
}
