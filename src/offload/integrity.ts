import Sqlite from 'better-sqlite3'

/** `quick_check` does not compare indexes with their tables. */
export type IntegrityCheck = 'integrity_check' | 'quick_check'

/**
 * What SQLite finds damaged in a file, at most `most` faults. Tables of other programs may use functions that
 * only these have. So CHECK constraints are not looked at, and neither is what cannot be computed without those
 * functions.
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

/** As far as each table allows: an index or a computed column may need a function, too. */
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

/** `undefined` if the check needs a function that is missing. */
function faultsOf(
  sqlite: Sqlite.Database,
  check: IntegrityCheck,
  argument: string,
): string[] | undefined {
  try {
    const faults = sqlite.prepare<[], string>(`PRAGMA ${check}(${argument})`).pluck().all()
    return faults.filter((fault) => fault !== 'ok')
  } catch (error) {
    // Damage has other codes.
    if (error instanceof Sqlite.SqliteError && error.code === 'SQLITE_ERROR') return undefined
    throw error
  }
}
