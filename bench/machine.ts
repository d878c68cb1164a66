import { readFile, statfs } from 'node:fs/promises'
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'
import { fileURLToPath } from 'node:url'
import { createClient } from '@libsql/client'
import Sqlite from 'better-sqlite3'
import { type ContenderName, contenders } from './contenders.ts'

/** Where figures come from, without what would tell whose machine it is. */
export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly memoryBytes: number
  readonly system: string
  readonly fileSystem: string
  /** How busy the machine was already: its load average of the last minute. */
  readonly loadBefore: number
}

/** The magic numbers of `statfs`, for what a bench is likely to meet. */
const fileSystems: Readonly<Record<number, string>> = {
  61267: 'ext4',
  16914836: 'tmpfs',
  1481003842: 'xfs',
  2435016766: 'btrfs',
  2035054128: 'overlayfs',
  801189825: 'zfs',
}

export async function describeMachine(directory: string): Promise<Machine> {
  const magic = (await statfs(directory)).type
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    system: `${type()} ${release()}, ${process.arch}`,
    fileSystem: fileSystems[magic] ?? `0x${magic.toString(16)}`,
    loadBefore: loadavg()[0] ?? 0,
  }
}

/** Versions of everything that has a part in the figures. */
export async function describeVersions(
  names: readonly ContenderName[],
): Promise<Record<string, string>> {
  const versions: Record<string, string> = {
    node: process.versions.node,
    v8: process.versions.v8,
  }
  for (const name of names)
    for (const dependency of contenders[name].packages)
      versions[dependency] ??= await packageVersion(dependency)
  for (const name of names) {
    const sqliteVersion = sqliteVersions[name]
    if (sqliteVersion) versions[`SQLite of ${name}`] = await sqliteVersion()
  }
  return versions
}

/** Of those contenders that bring their own. */
const sqliteVersions: Partial<Record<ContenderName, () => Promise<string> | string>> = {
  'better-sqlite3'() {
    const sqlite = new Sqlite(':memory:')
    try {
      return sqlite.prepare<[], string>('SELECT sqlite_version()').pluck().get() ?? ''
    } finally {
      sqlite.close()
    }
  },
  'node:sqlite': () => process.versions.sqlite ?? '',
  async sqlite3() {
    const name: string = 'sqlite3'
    return ((await import(name)) as { readonly default: { VERSION: string } }).default.VERSION
  },
  async '@libsql/client'() {
    const client = createClient({ url: ':memory:' })
    try {
      const { rows } = await client.execute('SELECT sqlite_version() AS version')
      return String(rows[0]?.version)
    } finally {
      client.close()
    }
  },
}

/** Of the file that lies there, since not every package lets its own be imported. */
async function packageVersion(name: string): Promise<string> {
  const place = name === 'cq-store' ? '../package.json' : `../node_modules/${name}/package.json`
  const text = await readFile(fileURLToPath(new URL(place, import.meta.url)), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
