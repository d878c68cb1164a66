/** What JSON has of late, and TypeScript's library not yet. */
const json = JSON as unknown as {
  rawJSON(text: string): object
  isRawJSON(value: unknown): boolean
  parse(
    text: string,
    reviver: (name: string, value: unknown, context: { readonly source?: string }) => unknown,
  ): unknown
}

/** Where a text may hold a number that a double can't, in an object or a list: with enough digits, or a large exponent. */
const mayHoldOne = /[[,:\s]-?(?:\d{16}|[\d.]+[eE][+-]?\d{3})/
const integer = /^-?\d+$/

/**
 * As `JSON.parse`, and keeps each number that a double can't hold as the text that it was: in its place
 * is an object that `JSON.stringify` writes as that text. Without it, 9007199254740993 becomes
 * 9007199254740992, and 1e400 null.
 * @throws {SyntaxError} where it is no JSON
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

/** Whether a number, as JSON writes it, is neither too large for a double nor too near to zero. */
function isInRange(text: string): boolean {
  const value = Number(text)
  return value === 0 ? !/^[^eE]*[1-9]/.test(text) : Number.isFinite(value)
}

/** Whether a value is a number that was kept as its text. */
export function isNumberText(value: unknown): boolean {
  return json.isRawJSON(value)
}

/** Whether a number that was kept as its text is one that other programs read as a number, too. */
export function isReadableNumber(kept: unknown): boolean {
  return isInRange(JSON.stringify(kept))
}
