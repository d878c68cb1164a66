import { strip } from './domains.ts'

const secondsPerUnit = { s: 1n, m: 60n, h: 3600n, d: 86_400n } as const
const longestSeconds = 365n * secondsPerUnit.d

/** How long an API key lives: the text that is stored, and what it means. */
export interface Ttl {
  /** A whole number and a unit: `30d`, `12h`, `15m`, `90s`. */
  readonly text: string
  readonly seconds: number
}

/**
 * Reads a time to live as cq's current API does: surrounding white space and letter case don't matter.
 * @throws {RangeError} whose message is the one that cq's API sends
 */
export function parseTtl(raw: string): Ttl {
  const text = strip(raw).toLowerCase()
  if (text === '') throw new RangeError('ttl is required')
  const seconds = secondsOf(text)
  if (seconds === undefined)
    throw new RangeError(
      `${pythonRepr(raw)} is not a valid duration: expected <integer><s|m|h|d>, e.g. 30d, 12h`,
    )
  if (seconds === 0n) throw new RangeError(`${pythonRepr(raw)}: ttl must be greater than zero`)
  if (seconds > longestSeconds)
    throw new RangeError(`${pythonRepr(raw)} exceeds the maximum of 365d`)
  return { text, seconds: Number(seconds) }
}

/**
 * Reads a time to live as cq's legacy API does: to the letter.
 * @throws {RangeError} whose message is the one that the legacy API sends
 */
export function parseLegacyTtl(text: string): Ttl {
  const seconds = secondsOf(text)
  if (seconds === undefined)
    throw new RangeError(`Invalid TTL '${text}'; expected format like '30s', '15m', '2h', or '90d'`)
  if (seconds === 0n) throw new RangeError('TTL must be greater than zero')
  if (seconds > longestSeconds) throw new RangeError(`TTL '${text}' exceeds maximum of 365d`)
  return { text, seconds: Number(seconds) }
}

/** As big integers, since nothing bounds the digits before the limit is checked. */
function secondsOf(text: string): bigint | undefined {
  const [, digits, unit] = /^([0-9]+)([smhd])$/.exec(text) ?? []
  if (digits === undefined) return undefined
  return BigInt(digits) * secondsPerUnit[unit as keyof typeof secondsPerUnit]
}

/** A text as Python's `repr` quotes it, its first 64 characters. */
function pythonRepr(text: string): string {
  const shown = [...text].slice(0, 64).join('')
  const quote = shown.includes("'") && !shown.includes('"') ? '"' : "'"
  const escaped = shown.replace(/[\\\p{C}\p{Z}'"]/gu, (character) => {
    if (character === ' ') return character
    if (character === '\\' || character === quote) return `\\${character}`
    if (character === "'" || character === '"') return character
    const named = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }[character]
    if (named) return named
    const code = character.codePointAt(0) as number
    const hex = code.toString(16)
    if (code <= 0xff) return `\\x${hex.padStart(2, '0')}`
    return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`
  })
  return quote + escaped + quote
}
