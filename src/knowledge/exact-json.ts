/** Recent parts of JSON that TypeScript's library lacks. */
const json = JSON as unknown as {
  rawJSON(text: string): object
  isRawJSON(value: unknown): boolean
  parse(
    text: string,
    reviver: (name: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown
}

/** Whether a text may contain a number that a double cannot hold: many digits, or a large exponent. */
const mayHoldOne = /[[,:\s]-?(?:\d{16}|[\d.]+[eE][+-]?\d{3})/
const integer = /^-?\d+$/

/**
 * As `JSON.parse`, but a number that a double cannot hold becomes an object that `JSON.stringify` writes as the
 * original text. Otherwise 9007199254740993 would become 9007199254740992, and 1e400 null.
 * @throws {SyntaxError} if it is not JSON
 */
export function parseExactly(text: string): unknown {
  if (!mayHoldOne.test(text)) return JSON.parse(text)
  try {
    return json.parse(text, (_name, value, { source }) => {
      if (typeof value !== 'number' || source === undefined) return value
      const isExact = integer.test(source) ? String(value) === source : isInRange(source)
      return isExact ? value : json.rawJSON(source)
    })
  } catch (error) {
    // It nests deeper than can be walked, and than any unit may.
    if (error instanceof RangeError) return JSON.parse(text)
    throw error
  }
}

/** Whether a JSON number is neither too large for a double nor too close to zero. */
function isInRange(text: string): boolean {
  const value = Number(text)
  return value === 0 ? !/^[^eE]*[1-9]/.test(text) : Number.isFinite(value)
}

/** Whether a value is a number that was kept as text. */
export function isNumberText(value: unknown): boolean {
  return json.isRawJSON(value)
}

/** Whether a number that was kept as text is in the range of a double. */
export function isReadableNumber(kept: unknown): boolean {
  return isInRange(JSON.stringify(kept))
}
