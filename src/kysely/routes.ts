/** Where a statement runs: on a reader, on the writer, or on the writer outside any transaction. */
export type Route = 'read' | 'write' | 'alone'

/** Statements whose route is remembered, twice: those used of late, and those used before. */
const mostRecent = 1_000

/** Longer statements, in characters, are not remembered: they are mostly made for one use. */
const longestKept = 8_192

const start = String.raw`^(?:\s|;|--[^\n]*(?:\n|$)|\/\*[\s\S]*?\*\/)*`
const alone = new RegExp(`${start}(?:pragma|vacuum|attach|detach)\\b`, 'i')
const writes = new RegExp(
  `${start}(?:insert|replace|update|delete|create|drop|alter|reindex|analyze)\\b`,
  'i',
)
/** What these functions tell is of the connection that wrote. */
const tellsOfWrites = /\b(?:last_insert_rowid|(?:total_)?changes)\s*\(/i

/**
 * Knows where statements run. What certainly writes goes to the writer; of anything else SQLite itself says, on a
 * reader, whether it only reads. The writer can run all of them, so that no guess is wrong.
 */
export class Routes {
  #recent = new Map<string, Route>()
  #earlier = new Map<string, Route>()

  of(sql: string): Route {
    const known = this.#recent.get(sql)
    if (known) return known
    const route = this.#earlier.get(sql) ?? guess(sql)
    this.#note(sql, route)
    return route
  }

  /** Remembers that SQLite says it writes. */
  noteWrite(sql: string): void {
    this.#note(sql, 'write')
  }

  #note(sql: string, route: Route): void {
    if (sql.length > longestKept) return
    if (this.#recent.size >= mostRecent) {
      this.#earlier = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(sql, route)
  }
}

function guess(sql: string): Route {
  if (alone.test(sql)) return 'alone'
  return writes.test(sql) || tellsOfWrites.test(sql) ? 'write' : 'read'
}
