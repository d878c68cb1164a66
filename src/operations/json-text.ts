/**
 * A part of a result that is JSON text already. Documents are stored as text, and travel and leave as
 * text: a result that holds them is put together around them, and they are parsed at most once, by
 * the one who wants the object.
 */
export class JsonText {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/**
 * Lets text stand where an operation's result has a `T`. It is no `T` until the result has been written
 * and read as JSON, so an operation must not look into it.
 */
export function textOf<T>(text: string): T {
  return new JsonText(text) as T
}

/** A result as JSON text; `undefined` as the empty string. */
export function writeResult(result: unknown): string {
  if (result === undefined) return ''
  if (result instanceof JsonText) return result.text
  if (Array.isArray(result))
    return `[${result.map((item) => writeResult(item) || 'null').join(',')}]`
  if (typeof result !== 'object' || result === null) return JSON.stringify(result)
  const members = Object.entries(result)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${JSON.stringify(name)}:${writeResult(value)}`)
  return `{${members.join(',')}}`
}

/** The result that `writeResult` wrote. */
export function readResult(text: string): unknown {
  return text === '' ? undefined : JSON.parse(text)
}
