import { OffloadError } from '../threads/errors.ts'
import { areOperations, type Operations } from './operations.ts'

/** Loads an operations file in a worker. @throws {OffloadError} `invalid` if it is none */
export async function loadOperations(url: string): Promise<Operations> {
  let file: { readonly default?: unknown }
  try {
    file = await import(url)
  } catch (error) {
    throw unloadable(url, error as Error)
  }
  // A CommonJS file that was compiled from a module.
  const inner = (file.default as { readonly default?: unknown } | undefined)?.default
  const exported = areOperations(inner) ? inner : file.default
  if (areOperations(exported)) return exported
  throw new OffloadError(
    'invalid',
    `${url} is no operations file: its default export must be made by operations({ ... })`,
  )
}

function unloadable(url: string, error: Error): OffloadError {
  const { code } = error as { readonly code?: string }
  const hint =
    code === 'ERR_UNKNOWN_FILE_EXTENSION' ||
    code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX' ||
    code === 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING'
      ? '. Threads read TypeScript as this version of Node does: compile the file, or install tsx and ' +
        "open with execArgv: ['--import', 'tsx']"
      : code === 'ERR_MODULE_NOT_FOUND'
        ? '. Threads load the file by itself: imports in it must be as Node resolves them, with file extensions'
        : ''
  return new OffloadError('invalid', `can't load ${url}: ${error.message}${hint}`, { cause: error })
}
