import { createRequire } from 'node:module'

interface Manifest {
  readonly peerDependencies: Readonly<Record<string, string>>
}

/**
 * The message of an error. If an optional package is missing, which the library does without and the command line
 * does not, it says how to install all that are missing.
 */
export function messageOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (code !== 'ERR_MODULE_NOT_FOUND') return error instanceof Error ? message : String(error)
  const { peerDependencies } = createRequire(import.meta.url)('cq-store/package.json') as Manifest
  const missing = Object.entries(peerDependencies).filter(([name]) => !isInstalled(name))
  if (missing.length === 0) return message
  const wanted = missing.map(([name, range]) => `${name}@${range}`).join(' ')
  return (
    'the command line and the server need packages that the library does without, and that are not installed. ' +
    `Install them beside it: npm install ${wanted}`
  )
}

function isInstalled(name: string): boolean {
  try {
    import.meta.resolve(name)
    return true
  } catch {
    return false
  }
}
