import Sqlite from 'better-sqlite3'

/** `quick_check` leaves out whether indexes have the entries that their tables' rows call for. */
export type IntegrityCheck = 'integrity_check' | 'quick_check'

/**
 * What SQLite finds damaged in a file, at most so many faults. Other programs' tables may name functions
 * that are theirs alone, as the reference server's semantic search does: constraints are not looked at,
 * since none of cq's tables has one, nor is what cannot be computed without those functions.
 */
export function integrityFaults(
  sqlite: Sqlite.Database,
  check: IntegrityCheck,
  most: number,
): string[] {
  sqlite.pragma('ignore_check_constraints = ON')
  try {
    return faultsOf(sqlite, check, `${most}`) ?? faultsByTable(sqlite, check).slice(0, most)
  } finally {
    sqlite.pragma('ignore_check_constraints = OFF')
  }
}

/** As far as each table allows: an index may need a function, and a computed column, too. */
function faultsByTable(sqlite: Sqlite.Database, check: IntegrityCheck): string[] {
  const tables = sqlite
    .prepare<[], string>("SELECT name FROM sqlite_schema WHERE type = 'table'")
    .pluck()
    .all()
  return tables.flatMap((table) => {
    const quoted = `"${table.replaceAll('"', '""')}"`
    return faultsOf(sqlite, check, quoted) ?? faultsOf(sqlite, 'quick_check', quoted) ?? []
  })
}

/** `undefined` where the check cannot be made for want of a function. */
function faultsOf(
  sqlite: Sqlite.Database,
  check: IntegrityCheck,
  argument: string,
): string[] | undefined {
  try {
    const faults = sqlite.prepare<[], string>(`PRAGMA ${check}(${argument})`).pluck().all()
    return faults.filter((fault) => fault !== 'ok')
  } catch (error) {
    // Damage has codes of its own.
    if (error instanceof Sqlite.SqliteError && error.code === 'SQLITE_ERROR') return undefined
    throw error
  }
}
