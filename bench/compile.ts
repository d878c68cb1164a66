import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The store and the bench as JavaScript, as the package ships it, until it is disposed of. */
export interface Compiled extends AsyncDisposable {
  /** What a process of the bench runs. */
  readonly entry: URL
}

/** Compiles what is measured, so that nothing which runs TypeScript has a part in the figures. */
export async function compile(signal: AbortSignal): Promise<Compiled> {
  await mkdir(join(root, '.tmp'), { recursive: true })
  // Within the project, so that its dependencies are found from there.
  const directory = await mkdtemp(join(root, '.tmp', 'bench-'))
  const remove = () => rm(directory, { recursive: true, force: true })
  try {
    const project = fileURLToPath(new URL('./tsconfig.json', import.meta.url))
    await tsc(['-p', project, '--outDir', directory], signal)
  } catch (error) {
    await remove()
    throw error
  }
  return {
    entry: pathToFileURL(join(directory, 'bench', 'contender-process.js')),
    [Symbol.asyncDispose]: remove,
  }
}

async function tsc(args: readonly string[], signal: AbortSignal): Promise<void> {
  const packageFile = createRequire(import.meta.url).resolve('typescript/package.json')
  const compiler = join(dirname(packageFile), 'bin', 'tsc')
  try {
    await promisify(execFile)(process.execPath, [compiler, ...args], { cwd: root, signal })
  } catch (error) {
    signal.throwIfAborted()
    const { stdout } = error as { stdout?: string }
    throw new Error(`tsc failed: ${stdout || error}`, { cause: error })
  }
}
