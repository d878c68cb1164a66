import { randomUUID } from 'node:crypto'

// What migrations need of the domain, as it was when they were written: a step must do the same to every file, in
// every version. `test/sqlite/migrations/frozen.test.ts` says when today's code differs.

/** A JSON object. */
export type Fields = Readonly<Record<string, unknown>>

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Whether a value nests too deep for `JSON.stringify`. */
export function nestsTooDeep(value: unknown, depth = 500): boolean {
  if (typeof value !== 'object' || value === null) return false
  return depth === 0 || Object.values(value).some((part) => nestsTooDeep(part, depth - 1))
}

export function newUnitId(): string {
  return `ku_${randomUUID().replaceAll('-', '')}`
}

/** What Python's `str.strip()` removes. */
const pythonWhitespace =
  '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'
const whitespace = new RegExp(`[${pythonWhitespace}]`)

function strip(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && whitespace.test(text.charAt(start))) start++
  while (start < end && whitespace.test(text.charAt(end - 1))) end--
  return text.slice(start, end)
}

/** Domains in lower case and stripped, without blank ones and repetitions. */
export function normalizeDomains(domains: readonly string[]): string[] {
  const stripped = domains.map((domain) => strip(domain.toLowerCase()))
  return [...new Set(stripped)].filter((domain) => domain !== '')
}

const json = JSON as unknown as {
  rawJSON(text: string): object
  parse(
    text: string,
    reviver: (name: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown
}

/** As `JSON.parse`, but keeps the text of numbers that a double cannot hold. */
export function parseExactly(text: string): unknown {
  if (!/[[,:\s]-?(?:\d{16}|[\d.]+[eE][+-]?\d{3})/.test(text)) return JSON.parse(text)
  try {
    return json.parse(text, (_name, value, { source }) => {
      if (typeof value !== 'number' || source === undefined) return value
      const isExact = /^-?\d+$/.test(source) ? String(value) === source : isInRange(source)
      return isExact ? value : json.rawJSON(source)
    })
  } catch (error) {
    // It nests too deep to be walked, and than any unit may.
    if (error instanceof RangeError) return JSON.parse(text)
    throw error
  }
}

function isInRange(text: string): boolean {
  const value = Number(text)
  return value === 0 ? !/^[^eE]*[1-9]/.test(text) : Number.isFinite(value)
}

const timestamp =
  /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,9}))?(Z|[+-]\d{2}:?\d{2})?$/i

/** A document's timestamp as columns hold it; `undefined` if it is none. */
export function toColumn(text: string): string | undefined {
  const [, date, time, fraction = '', offset = 'Z'] = timestamp.exec(text) ?? []
  const zone = offset.length === 5 ? `${offset.slice(0, 3)}:${offset.slice(3)}` : offset
  const instant = new Date(`${date}T${time}${zone.toUpperCase()}`)
  const local = new Date(`${date}T${time}Z`)
  // `Date` takes 30 February for 2 March, and 24:00 for the next day.
  if (Number.isNaN(instant.getTime()) || !local.toISOString().startsWith(`${date}T${time}`))
    return undefined
  const year = instant.getUTCFullYear()
  if (year < 1 || year > 9999) return undefined
  return `${instant.toISOString().slice(0, 19)}.${fraction.slice(0, 6).padEnd(6, '0')}+00:00`
}
