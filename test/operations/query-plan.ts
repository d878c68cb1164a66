import type Sqlite from 'better-sqlite3'

interface PlanRow {
  readonly id: number
  readonly parent: number
  readonly detail: string
}

/** How SQLite goes about a statement: one line a step, those inside another one indented. */
export function queryPlan(db: Sqlite.Database, sql: string): string[] {
  const rows = db.prepare<unknown[], PlanRow>(`explain query plan ${sql}`).all(...unbound(sql))
  const depths = new Map([[0, -1]])
  return rows.map(({ id, parent, detail }) => {
    const depth = (depths.get(parent) ?? -1) + 1
    depths.set(id, depth)
    return `${'  '.repeat(depth)}${detail}`
  })
}

/**
 * The steps of a plan that go through all rows of a table or of an index of it, be it to make an index
 * that is missing.
 */
export function scansOf(plan: readonly string[]): string[] {
  return plan
    .map((line) => line.trim())
    .filter((line) => line.startsWith('SCAN') || line.includes('USING AUTOMATIC'))
    .filter(
      (line) => !/ VIRTUAL TABLE INDEX |^SCAN CONSTANT ROW$|^SCAN \d+ CONSTANT ROWS$/.test(line),
    )
}

interface Instruction {
  readonly addr: number
  readonly opcode: string
  readonly p1: number
  readonly p2: number
}

/**
 * The tables and indexes that a statement reads from an end on, wherever it does so: in itself or in
 * a trigger that it sets off, of which a query plan tells nothing.
 */
export function startsFromAnEnd(db: Sqlite.Database, sql: string): string[] {
  const names = new Map(
    db
      .prepare<[], { rootpage: number; name: string }>('select rootpage, name from sqlite_schema')
      .all()
      .map(({ rootpage, name }) => [rootpage, name]),
  )
  const found = new Set<string>()
  let opened = new Map<number, string>()
  const program = db.prepare<unknown[], Instruction>(`explain ${sql}`).all(...unbound(sql))
  for (const { addr, opcode, p1, p2 } of program) {
    // Each trigger is a program of its own, with cursors of its own.
    if (addr === 0) opened = new Map()
    if (opcode === 'OpenRead' || opcode === 'OpenWrite') opened.set(p1, names.get(p2) ?? `${p2}`)
    if (opcode.startsWith('Open') && !/^Open(Read|Write)$/.test(opcode)) opened.delete(p1)
    const name = opened.get(p1)
    // SQLite's own tables hold a row or so for each table.
    if (
      name !== undefined &&
      !name.startsWith('sqlite_sequence') &&
      ['Rewind', 'Last', 'Count'].includes(opcode)
    )
      found.add(name)
  }
  return [...found].sort()
}

/** Values for a statement that is not run. */
function unbound(sql: string): null[] {
  return Array.from(sql.matchAll(/\?/g), () => null)
}
