/**
 * What Python's `str.strip()` removes, by which cq's domains are defined. JavaScript's `trim()` differs: it
 * strips U+FEFF, which Python keeps, and keeps U+001C to U+001F and U+0085.
 */
const pythonWhitespace =
  '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'
const whitespace = new RegExp(`[${pythonWhitespace}]`)

/**
 * Strips whitespace as Python's `str.strip()` does. A loop, since a regular expression would try every run of
 * whitespace inside the text from each of its characters.
 */
export function strip(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isWhitespace(text, start)) start++
  while (start < end && isWhitespace(text, end - 1)) end--
  return text.slice(start, end)
}

function isWhitespace(text: string, at: number): boolean {
  const code = text.charCodeAt(at)
  // Most characters need no regular expression.
  return (code <= 0x20 || code >= 0x7f) && whitespace.test(text.charAt(at))
}

/** Strips texts, and drops blank ones and repetitions. */
export function stripAndDeduplicate(texts: readonly string[]): string[] {
  return [...new Set(texts.map(strip))].filter((text) => text !== '')
}

/**
 * Normalises domains as they are stored, queried and filtered: lower case, stripped, without blank ones and
 * repetitions.
 */
export function normalizeDomains(domains: readonly string[]): string[] {
  return stripAndDeduplicate(domains.map((domain) => domain.toLowerCase()))
}
