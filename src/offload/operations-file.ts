import { existsSync } from 'node:fs'
import { extname, isAbsolute } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { OffloadError } from '../threads/errors.ts'

/** What to do when a bundler has moved files away. */
const external =
  'If a bundler moved the code, keep the package external (Next: serverExternalPackages; esbuild: ' +
  '--external:cq-store), and name an operations file by a path that exists at run time'

/** The URL of an operations file. @throws {OffloadError} `invalid`; `unavailable` if it is not there */
export function operationsUrl(operations: URL | string): URL {
  const url = urlOf(operations)
  if (url.protocol !== 'file:')
    throw new OffloadError('invalid', `operations must be a file, got ${url.href}. ${external}`)
  const path = fileURLToPath(url)
  if (existsSync(path)) return url
  const why = `no thread can start, since the operations file ${path} does not exist`
  throw new OffloadError('unavailable', `${why}. ${external}`)
}

function urlOf(operations: URL | string): URL {
  if (operations instanceof URL) return operations
  if (operations.startsWith('file:')) return new URL(operations)
  if (isAbsolute(operations)) return pathToFileURL(operations)
  const why = `operations must be a URL or an absolute path, got ${operations}`
  throw new OffloadError('invalid', `${why}: new URL('./notes.js', import.meta.url)`)
}

/** @throws {OffloadError} `unavailable` */
export function requireWorkerFile(path: string): void {
  if (existsSync(path)) return
  const why = `no thread can start, since its file ${path} does not exist`
  throw new OffloadError('unavailable', `${why}. ${external}`)
}

/** Options of Node by which a process runs TypeScript with tsx, and their values. */
const loaders = ['--import', '--require', '--loader']

/**
 * What Node needs to run files, some of which may be TypeScript: tsx if this process runs it, whose users rely on
 * what it does beyond Node; else Node itself, if it can.
 */
export function execArgvFor(paths: readonly string[], ownArgv = process.execArgv): string[] {
  if (!paths.some((path) => /\.[cm]?tsx?$/.test(extname(path)))) return []
  const inherited = ownArgv.flatMap((flag, index) => {
    const value = loaders.includes(flag) ? ownArgv[index + 1] : undefined
    return value?.includes('tsx') ? [flag, value] : []
  })
  if (inherited.length > 0) return inherited
  return process.features.typescript ? [] : ['--import', 'tsx']
}
