/**
 * What Python's `str.strip()` removes, since cq's domains are defined by it. JavaScript's `trim()`
 * differs: it strips U+FEFF, which Python keeps, and keeps U+001C to U+001F and U+0085.
 */
const pythonWhitespace =
  '\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000'
const whitespace = new RegExp(`[${pythonWhitespace}]`)

/**
 * The text without leading and trailing whitespace, as Python's `str.strip()` sees whitespace. It walks,
 * since a regular expression tries every run of whitespace inside the text from each of its characters.
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
  // Most are no whitespace, and need no regular expression to tell.
  return (code <= 0x20 || code >= 0x7f) && whitespace.test(text.charAt(at))
}

/** Stripped, blanks dropped, the first of equal ones kept, in order. */
export function stripAndDeduplicate(texts: readonly string[]): string[] {
  return [...new Set(texts.map(strip))].filter((text) => text !== '')
}

/** Domains as they are stored, queried and filtered by: lower case, stripped, none blank, none twice. */
export function normalizeDomains(domains: readonly string[]): string[] {
  return stripAndDeduplicate(domains.map((domain) => domain.toLowerCase()))
}
