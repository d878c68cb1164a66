import { devNull } from 'node:os'
import { OffloadError } from '../threads/errors.ts'

/** What the SQLite driver is built against. An older Node loads it all the same, and crashes. */
const oldestNodeApi = 10
const nodesWithIt = 'Node 22.14 or newer (of Node 23, 23.6 or newer)'
const oldestSqlite = '3.51.3'

/**
 * To be asked before anything loads the SQLite driver, in whatever thread.
 * @throws {OffloadError} `unavailable` where cq-store can't run, or not without a crash: on another
 * runtime than Node, on an older one, or on one that is started without rights that it needs
 */
export function requireSupportedRuntime(versions = process.versions): void {
  for (const [name, runtime] of [
    ['bun', 'Bun'],
    ['deno', 'Deno'],
  ] as const)
    if (versions[name] !== undefined)
      throw unsupported(`${nodesWithIt}; this is ${runtime} ${versions[name]}`)
  // Where it is missing it is no number, and refused.
  if (!(Number(versions.napi) >= oldestNodeApi))
    throw unsupported(`${nodesWithIt}; this is Node ${versions.node}`)
  if (!mayLoadAddons())
    throw unsupported(
      'native addons, for SQLite: start Node with --allow-addons where --permission is given, ' +
        'and without --no-addons',
    )
  if (process.permission?.has('worker') === false)
    throw unsupported('worker threads: start Node with --allow-worker, since --permission is given')
}

/**
 * SQLite opens files past Node's permission model, which is to hold all the same.
 * @throws {OffloadError} `unavailable` where it forbids the file
 */
export function requirePermission(path: string, scopes: readonly ('read' | 'write')[]): void {
  for (const scope of scopes)
    if (process.permission?.has(`fs.${scope}`, path) === false)
      throw unsupported(
        `to ${scope} ${path}: start Node with --allow-fs-${scope} for it and what lies beside it, ` +
          'since --permission is given',
      )
}

/** Asks it of a file that is none: a `--permission` of Node 22 does not tell. */
function mayLoadAddons(): boolean {
  try {
    process.dlopen({ exports: {} }, devNull)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ERR_DLOPEN_DISABLED'
  }
}

function unsupported(what: string): OffloadError {
  return new OffloadError('unavailable', `cq-store needs ${what}`)
}

/**
 * Earlier versions can corrupt a write-ahead log that two connections use, which is the engine's layout.
 * @throws {OffloadError} `unavailable`
 */
export function requireSafeSqlite(version: string): void {
  if (isAtLeast(version, oldestSqlite)) return
  throw new OffloadError(
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
