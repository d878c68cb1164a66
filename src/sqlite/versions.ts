import { StoreError } from '../errors.ts'

const oldestNode = '22.12.0'
const oldestSqlite = '3.51.3'

/** @throws {StoreError} `unavailable` where Node is too old to load the SQLite driver without a crash */
export function requireSupportedNode(version = process.versions.node): void {
  if (isAtLeast(version, oldestNode)) return
  const why = `cq-store needs Node ${oldestNode} or newer, this is Node ${version}`
  throw new StoreError('unavailable', why)
}

/**
 * Earlier versions can corrupt a write-ahead log that two connections use, which is this store's layout.
 * @throws {StoreError} `unavailable`
 */
export function requireSafeSqlite(version: string): void {
  if (isAtLeast(version, oldestSqlite)) return
  throw new StoreError(
    'unavailable',
    `cq-store needs SQLite ${oldestSqlite} or newer, since older ones can corrupt a write-ahead log ` +
      `that several connections use; better-sqlite3 brought ${version}: install better-sqlite3 13.0.2 or newer`,
  )
}

function isAtLeast(version: string, oldest: string): boolean {
  const [have, need] = [version, oldest].map((text) => text.split('.').map(Number.parseFloat))
  for (const [index, part] of (need as number[]).entries()) {
    const difference = (have?.[index] ?? 0) - part
    if (difference !== 0) return difference > 0
  }
  return true
}
