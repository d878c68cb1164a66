import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'

// The laws of CONTRIBUTING.md about who may import whom. Type imports count, too.

const project = join(import.meta.dirname, '..')

/** Rooms from top to bottom: a file may import its own room and those below. */
const rooms = [
  ['workers', 'src/cli.ts', 'src/index.ts'],
  ['src/cli'],
  ['src/server'],
  ['src/sqlite/direct'],
  ['src/sqlite', 'src/postgres', 'src/kysely'],
  ['src/sqlite/migrations'],
  ['src/credentials', 'src/operations'],
  ['src/sql'],
  ['src/ranking'],
  ['src/store.ts'],
  ['src/knowledge'],
  ['src/offload'],
  ['src/logging.ts'],
  ['src/threads', 'src/errors.ts', 'src/internals.ts', 'src/version.ts'],
]

interface Arrow {
  readonly from: string
  readonly to: string
}

function filesIn(folder: string): string[] {
  return readdirSync(join(project, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name))
}

const importing = /(?:^|[^\w.])(?:from\s*|import\s*\(?\s*)'([^'\n]+)'/g

function arrowsFrom(files: readonly string[]): Arrow[] {
  return files.flatMap((from) => {
    const text = readFileSync(join(project, from), 'utf8')
      .replaceAll(/\/\*.*?\*\//gs, '')
      .replaceAll(/^\s*\/\/.*$/gm, '')
    return [...text.matchAll(importing)].map(([, name = '']) => ({
      from,
      to: name.startsWith('.') ? relative(project, join(project, dirname(from), name)) : name,
    }))
  })
}

function roomOf(file: string): { readonly name: string; readonly level: number } | undefined {
  let best: { name: string; level: number } | undefined
  for (const [level, names] of rooms.entries())
    for (const name of names)
      if ((file === name || file.startsWith(`${name}/`)) && name.length > (best?.name.length ?? 0))
        best = { name, level }
  return best
}

function isUpward({ from, to }: Arrow): boolean {
  const [own, other] = [roomOf(from), roomOf(to)]
  if (!own || !other || own.name === other.name) return false
  return other.level <= own.level
}

/** A circle of imports, if there is one. */
function findCircle(arrows: readonly Arrow[]): string[] | undefined {
  const targets = Map.groupBy(arrows, ({ from }) => from)
  const done = new Set<string>()
  const walk = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file]
    if (done.has(file)) return undefined
    for (const { to } of targets.get(file) ?? []) {
      const circle = walk(to, [...path, file])
      if (circle) return circle
    }
    done.add(file)
    return undefined
  }
  for (const file of targets.keys()) {
    const circle = walk(file, [])
    if (circle) return circle
  }
  return undefined
}

/** The pages run in browsers, and are a program of their own. */
const dashboard = 'src/dashboard/'
const sources = [...filesIn('src'), ...filesIn('workers')].filter(
  (file) => !file.startsWith(dashboard),
)
const arrows = arrowsFrom(sources)
const lines = ({ from, to }: Arrow) => `${from} -> ${to}`
const local = arrows.filter(({ to }) => sources.includes(to) || to.endsWith('.json'))

test('every file of src is in a room, and every import is found', () => {
  expect(sources.filter((file) => !roomOf(file))).toEqual([])
  expect(sources.length).toBeGreaterThan(100)
  expect(local.length).toBeGreaterThan(500)
  expect(
    arrows.filter(({ to }) => to.startsWith('src/') && !local.some((one) => one.to === to)),
  ).toEqual([])
})

test('imports run downward', () => {
  expect(local.filter(isUpward).map(lines)).toEqual([])
})

test.each(['src', 'bench'])('there is no circle in %s', (folder) => {
  expect(findCircle(arrowsFrom(filesIn(folder)))).toBeUndefined()
})

test('the threads import nothing of the rest, and name nothing of cq or SQLite', () => {
  const own = local.filter(({ from }) => from.startsWith('src/threads/'))
  expect(own.filter(({ to }) => !to.startsWith('src/threads/')).map(lines)).toEqual([])
  for (const file of filesIn('src/threads'))
    expect(readFileSync(join(project, file), 'utf8')).not.toMatch(/\bcq\b|StoreError|sqlite/i)
})

test('the engine and the dialect know nothing of cq', () => {
  const allowed = /^src\/(offload|threads|kysely)\/|^src\/logging\.ts$/
  const own = local.filter(({ from }) => /^src\/(offload|kysely)\//.test(from))
  expect(own.filter(({ to }) => !allowed.test(to)).map(lines)).toEqual([])
  for (const file of [...filesIn('src/offload'), ...filesIn('src/kysely')])
    expect(readFileSync(join(project, file), 'utf8')).not.toMatch(
      /StoreError|SqliteStore|\bknowledge/,
    )
})

test('the store and the dialect have no door into the engine but the public one', () => {
  const values = (file: string) =>
    [
      ...readFileSync(join(project, file), 'utf8').matchAll(
        /^(?:import|export) (?!type )[^;']*from '([^']*offload\/[^']*)'/gm,
      ),
    ].map(([, name]) => name)
  expect(values('src/sqlite/store.ts')).toEqual(['../offload/index.ts'])
  for (const file of filesIn('src/kysely'))
    expect(new Set(values(file)).difference(new Set(['../offload/index.ts'])), file).toEqual(
      new Set(),
    )
})

test('the server knows no engine, no SQL and no thread', () => {
  const allowed =
    /^src\/(server\/|store\.ts|errors\.ts|logging\.ts|internals\.ts|version\.ts|knowledge\/|credentials\/|threads\/)/
  const own = local.filter(({ from }) => from.startsWith('src/server/'))
  expect(own.filter(({ to }) => !allowed.test(to)).map(lines)).toEqual([])
  for (const file of filesIn('src/server'))
    expect(readFileSync(join(project, file), 'utf8')).not.toMatch(
      /^import (?!type )[^'\n]*'[^']*threads/m,
    )
})

test('the dashboard and the rest know nothing of each other', () => {
  const files = readdirSync(join(project, dashboard), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => join(dashboard, name))
  expect(files.length).toBeGreaterThan(20)
  const outward = arrowsFrom(files).filter(
    ({ to }) => /^(src|workers|test|bench)\//.test(to) && !to.startsWith(dashboard),
  )
  expect(outward.map(lines)).toEqual([])
  expect(arrows.filter(({ to }) => to.startsWith(dashboard)).map(lines)).toEqual([])
})

test('credentials know no HTTP', () => {
  const own = arrows.filter(({ from }) => from.startsWith('src/credentials/'))
  expect(own.filter(({ to }) => /server|fastify/.test(to)).map(lines)).toEqual([])
})

test('what runs in a worker is named by URL', () => {
  expect(arrows.filter(({ to }) => to.startsWith('workers/')).map(lines)).toEqual([])
})

test('the main thread loads the SQLite driver only through sqlite/direct, and the library not at all', () => {
  // Only types of these are imported by what runs on the main thread, and types load nothing.
  const loaded = new Set<string>()
  const load = (file: string) => {
    if (loaded.has(file)) return
    loaded.add(file)
    const text = readFileSync(join(project, file), 'utf8')
    for (const { to } of arrowsFrom([file])) {
      const name = to.split('/').at(-1)?.replaceAll('.', '\\.')
      const isValue = new RegExp(
        `^(?:import|export) (?!type )[^;']*from '[^']*${name}'|^import '[^']*${name}'`,
        'm',
      ).test(text)
      if (isValue && sources.includes(to)) load(to)
      else if (isValue && to === 'better-sqlite3') loaded.add(to)
    }
  }
  load('src/index.ts')
  load('src/server/index.ts')
  load('src/offload/index.ts')
  load('src/offload/open-offloaded.ts')
  load('src/kysely/index.ts')
  expect(loaded.size).toBeGreaterThan(50)
  expect(loaded).not.toContain('better-sqlite3')
})

test('a migration imports nothing that may change', () => {
  for (const room of ['src/sqlite/migrations/', 'src/postgres/migrations/']) {
    const own = arrows.filter(({ from }) => from.startsWith(room))
    expect(own.length).toBeGreaterThan(0)
    const others = own.filter(({ to }) => !to.startsWith(room) && !to.startsWith('node:'))
    expect(others.map(lines)).toEqual([])
  }
})

test('no file is longer than 400 lines, but the Store contract', () => {
  const long = sources.filter((file) => {
    const count = readFileSync(join(project, file), 'utf8').split('\n').length
    return count > 401 && file !== 'src/store.ts'
  })
  expect(long).toEqual([])
})
