import fs from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import Sqlite from 'better-sqlite3'

/**
 * A process that restores a backup, and kills itself right before a step: the one of the number it is
 * given. Steps are what may change files. Where it comes to its end, it tells them.
 */
const [path = '', backup = '', fatalStep = ''] = process.argv.slice(2)
const steps: string[] = []

function before(step: string): void {
  steps.push(step)
  if (steps.length === Number(fatalStep)) process.kill(process.pid, 'SIGKILL')
}

/** Has the methods of an object announced before they are called. */
function announce(target: object, names: readonly string[]): void {
  const methods = target as Record<string, (...args: unknown[]) => unknown>
  for (const name of names) {
    const method = methods[name]
    if (method)
      methods[name] = function (this: unknown, ...args: unknown[]) {
        const told = typeof args[0] === 'string' ? ` ${args[0].split('/').at(-1)}` : ''
        before(`${name}${told}`)
        return Reflect.apply(method, this, args)
      }
  }
}

const handle = await fs.open(process.argv[1] ?? '')
announce(Object.getPrototypeOf(handle), ['chmod', 'chown', 'sync', 'writeFile'])
await handle.close()
announce(fs, ['open', 'link', 'rename', 'rm', 'mkdir'])
syncBuiltinESMExports()
announce(Sqlite.prototype, ['close'])
steps.length = 0

const { run } = await import('../../src/cli/program.ts')
const code = await run(['restore', backup, '--yes', '--db-path', path], {})
process.stdout.write(`\n${JSON.stringify({ code, steps })}`)
