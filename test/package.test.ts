import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import {
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { publint } from 'publint'
import { formatMessage } from 'publint/utils'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import manifest from '../package.json' with { type: 'json' }
import { createKnowledgeUnit, SqliteStore } from '../src/index.ts'
import { statementTexts } from '../src/sql/statement.ts'

const project = fileURLToPath(new URL('..', import.meta.url))
/** What the package may be imported as: `cq-store` and whatever lies below it. */
const entries = Object.keys(manifest.exports)
  .filter((path) => !path.endsWith('.json'))
  .map((path) => path.replace('.', manifest.name))

/** The first that `engines` names. */
const [oldestNode = ''] = /\d+\.\d+\.\d+/.exec(manifest.engines.node) ?? []
const isWindows = process.platform === 'win32'

let temporary: string

beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'cq-store-package-'))
})
afterAll(() => rm(temporary, { recursive: true, force: true }))

/** What a program prints that runs on the Node of these tests. */
async function node(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: project })
  return stdout
}

/** A program that opens a store, writes to it, and prints what it then finds. */
const program = (specifier: string, database: string) => `
  import { createKnowledgeUnit, SqliteStore } from ${JSON.stringify(specifier)}
  const store = await SqliteStore.open({ path: ${JSON.stringify(database)}, readers: 1 })
  const insight = { summary: 'Summary', detail: 'Detail', action: 'Action' }
  const unit = createKnowledgeUnit({ domains: ['packages'], insight })
  await store.insert(unit)
  await store.decide(unit.id, 'approved', 'carol')
  const found = await store.query(['packages'])
  await store.close()
  console.log(JSON.stringify(found.map(({ insight }) => insight.summary)))
`

describe('from its source', () => {
  it('runs under vitest', async () => {
    await using store = await SqliteStore.open({ path: join(temporary, 'vitest.db'), readers: 1 })
    const insight = { summary: 'Summary', detail: 'Detail', action: 'Action' }
    await store.insert(createKnowledgeUnit({ domains: ['packages'], insight }))
    expect(await store.pendingCount()).toBe(1)
  })

  it.each([
    ['where Node runs TypeScript itself', []],
    ['where Node does not', ['--no-experimental-strip-types']],
  ])('runs under tsx, %s', async (_, flags) => {
    const source = new URL('../src/index.ts', import.meta.url).href
    const file = join(temporary, `tsx-${flags.length}.mts`)
    await writeFile(file, program(source, join(temporary, `tsx-${flags.length}.db`)))
    expect(await node(...flags, '--import', 'tsx', file)).toBe('["Summary"]\n')
  })
})

describe('as a tarball', () => {
  let tarball: string
  let files: string[]
  /** Projects that use the library alone, and the server and the command line, too. */
  let embedder: string
  let consumer: string

  beforeAll(async () => {
    if (!existsSync(join(project, 'dist/src/index.js')))
      throw new Error('dist/ is missing: run `npm run build` first, as `npm test` does')
    const packed = await npm(project, 'pack', '--json', '--pack-destination', temporary)
    const [result] = JSON.parse(packed) as { filename: string; files: { path: string }[] }[]
    tarball = join(temporary, result?.filename ?? '')
    files = result?.files.map(({ path }) => path) ?? []

    embedder = await install('embedder', [])
    // As the README says: with the optional packages.
    const peers = Object.entries(manifest.peerDependencies)
    consumer = await install(
      'consumer',
      peers.map(([name, range]) => `${name}@${range}`),
    )
  })

  async function install(name: string, packages: readonly string[]): Promise<string> {
    const place = join(temporary, name)
    await mkdir(place)
    const about = { name, version: '1.0.0', private: true, type: 'module' }
    await writeFile(join(place, 'package.json'), JSON.stringify(about))
    const quietly = ['--prefer-offline', '--no-audit', '--no-fund']
    await npm(place, 'install', tarball, ...packages, ...quietly)
    return place
  }

  /** Runs npm as a user of another project does: nothing of this one's environment reaches it. */
  async function npm(directory: string, ...args: string[]): Promise<string> {
    return npmWithScripts(directory, ...args, '--ignore-scripts')
  }

  async function npmWithScripts(directory: string, ...args: string[]): Promise<string> {
    const env = Object.fromEntries(
      Object.entries(process.env).filter(
        ([name]) =>
          !/^(npm_(package|lifecycle|config_local)|INIT_CWD|NODE_OPTIONS|VITEST)/.test(name),
      ),
    )
    const all = [...args, '--loglevel=error', '--prefix', directory]
    const options = { cwd: directory, env, shell: isWindows, maxBuffer: 64 * 2 ** 20 }
    return (await promisify(execFile)('npm', all, options)).stdout
  }

  it('holds what was built, the papers, and nothing else', () => {
    const intended =
      /^(package\.json|README\.md|CHANGELOG\.md|OPERATING\.md|SECURITY\.md|LICENSE|src\/store\.ts|dist\/dashboard\/(index\.html|assets\/[\w-]+\.(js|css|svg))|dist\/(src|workers)\/([\w-]+\/)*[\w-]+(\.js|\.js\.map|\.d\.ts|\.json))$/
    expect(files.filter((path) => !intended.test(path))).toEqual([])
    expect(files).toEqual(
      expect.arrayContaining([
        'package.json',
        'README.md',
        'CHANGELOG.md',
        'LICENSE',
        'dist/dashboard/index.html',
        'dist/src/index.js',
        'dist/src/index.d.ts',
        'dist/workers/sqlite.js',
        'src/store.ts',
        'dist/src/sql/compiled.json',
      ]),
    )
  })

  it('has every statement compiled, so that nobody has to load Kysely for it', async () => {
    const file = join(project, 'dist/src/sql/compiled.json')
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
      sqlite: statementTexts('sqlite'),
      postgres: statementTexts('postgres'),
    })
    const script = `import 'cq-store'
      const { statementTexts } = await import('./node_modules/cq-store/dist/src/sql/statement.js')
      statementTexts('sqlite')
      const { createRequire } = await import('node:module')
      const loaded = Object.keys(createRequire(import.meta.url).cache)
      console.log(loaded.some((path) => path.includes('kysely')))`
    const program = join(embedder, 'loads.js')
    await writeFile(program, script)
    expect(await node(program)).toBe('false\n')
  })

  it('is smaller than 550 kB', async () => {
    expect((await readFile(tarball)).byteLength).toBeLessThan(550_000)
  })

  it('tells nothing of the machine that built it', async () => {
    const installed = join(consumer, 'node_modules', manifest.name)
    const entries = await readdir(installed, { recursive: true, withFileTypes: true })
    for (const entry of entries.filter((one) => one.isFile())) {
      const text = await readFile(join(entry.parentPath, entry.name), 'utf8')
      expect(text.includes(project), entry.name).toBe(false)
    }
  })

  it('is a package as publint wants it', async () => {
    const pkgDir = join(consumer, 'node_modules', manifest.name)
    const { messages } = await publint({ pkgDir, pack: false, strict: true })
    expect(messages.map((message) => formatMessage(message, manifest))).toEqual([])
  })

  it('is as small as the README says for whoever uses the library alone', async () => {
    const listed = await npm(embedder, 'ls', '--all', '--parseable')
    const packages = listed.trim().split('\n').slice(1)
    const readme = await readFile(join(project, 'README.md'), 'utf8')
    expect(readme).toContain(`${packages.length} packages`)
    for (const name of ['fastify', 'commander', 'pino', 'vitest', 'typescript'])
      expect(packages.some((path) => path.endsWith(`node_modules/${name}`))).toBe(false)
    await npm(consumer, 'ls', '--all')
  })

  it('opens a store, inserts and queries', async () => {
    const file = join(embedder, 'program.js')
    await writeFile(file, program('cq-store', join(embedder, 'cq.db')))
    expect(await node(file)).toBe('["Summary"]\n')
  })

  it.each(entries)('exports %s', async (entry) => {
    const file = join(consumer, `import-${entry.replaceAll('/', '-')}.js`)
    await writeFile(
      file,
      `import * as all from '${entry}'\nconsole.log(Object.keys(all).length > 0)\n`,
    )
    expect(await node(file)).toBe('true\n')
  })

  it('says what to install where the command line lacks packages', async () => {
    const command = join(embedder, 'node_modules/.bin/cq-store')
    const failure = node(command, 'serve', '--dev')
    await expect(failure).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^cq-store: .*npm install .*commander@\^15.* fastify@\^5/),
    })
  })

  it('has a command line', async () => {
    const command = join(consumer, 'node_modules/.bin/cq-store')
    expect(await node(command, '--help')).toMatch(/^Usage: cq-store /)
  })

  describe(`on Node ${oldestNode}, the oldest that is promised`, () => {
    // No dev dependency: beside another version of the same package, npm links either as `node`.
    const place = join(project, 'node_modules/.cache', `node-${oldestNode}`)
    const executable = join(place, 'node_modules/node/bin', isWindows ? 'node.exe' : 'node')
    let missing: string | undefined

    beforeAll(async () => {
      if (existsSync(executable)) return
      await mkdir(place, { recursive: true })
      const wanted = [`node@${oldestNode}`, '--no-save', '--prefer-offline', '--no-audit']
      await npmWithScripts(place, 'install', ...wanted, '--no-fund').catch((error: Error) => {
        missing = error.message
      })
      if (!existsSync(executable)) missing ??= `npm made no ${executable}`
    })

    const oldNode = (...args: string[]) => promisify(execFile)(executable, args, { cwd: consumer })

    it('opens a store, inserts and queries', async ({ skip }) => {
      if (missing !== undefined) skip(missing)
      expect((await oldNode('--version')).stdout).toBe(`v${oldestNode}\n`)
      const file = join(consumer, 'program-on-oldest.js')
      await writeFile(file, program('cq-store', join(consumer, 'oldest.db')))
      expect((await oldNode(file)).stdout).toBe('["Summary"]\n')
    })

    it('serves', async ({ skip }) => {
      if (missing !== undefined) skip(missing)
      const command = join(consumer, 'node_modules/cq-store/dist/src/cli.js')
      const { PATH = '' } = process.env
      const server = spawn(executable, [command, 'serve', '--dev', '--port', '0'], {
        cwd: consumer,
        env: { PATH, CQ_DB_PATH: join(consumer, 'served.db') },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      onTestFinished(() => void server.kill('SIGKILL'))
      let url: string | undefined
      for await (const line of createInterface(server.stdout)) {
        url = /^at (http:[^\s,]+)/.exec(line)?.[1]
        if (url !== undefined) break
      }
      const found = await fetch(`${url}/api/v1/knowledge?domains=sqlite`)
      expect(((await found.json()) as { data: unknown[] }).data).not.toEqual([])
      const ended = once(server, 'exit')
      server.kill('SIGTERM')
      expect(await ended).toEqual([0, null])
    })
  })

  it('has types that a strict project takes, those of its dependencies included', async () => {
    const types = join(consumer, 'node_modules/@types')
    await mkdir(types, { recursive: true })
    // Every project on Node has these; they are not the package's to bring.
    await symlink(join(project, 'node_modules/@types/node'), join(types, 'node'), 'junction')
    const imports = entries.map((entry, index) => `import * as entry${index} from '${entry}'`)
    const uses = entries.map((_, index) => `void entry${index}`)
    await writeFile(
      join(consumer, 'program.ts'),
      [
        ...imports,
        "import { SqliteStore, createKnowledgeUnit, type Store, StoreError } from 'cq-store'",
        ...uses,
        'await using sqlite = await SqliteStore.open({ path: "cq.db", durability: "full" })',
        'const store: Store = sqlite',
        "const insight = { summary: 'S', detail: 'D', action: 'A' }",
        "await store.insert(createKnowledgeUnit({ domains: ['a'], insight }))",
        "const [unit] = await store.query(['a'], { limit: 1 })",
        'const summary: string | undefined = unit?.insight.summary',
        'if (summary === undefined) throw new StoreError("not_found", "nothing")',
        '// @ts-expect-error: types reach the consumer, and are no any',
        'unit.insight.summary.nothing',
      ].join('\n'),
    )
    const compilerOptions = {
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: false,
      module: 'nodenext',
      target: 'es2024',
      lib: ['es2024', 'esnext.disposable'],
      types: ['node'],
      noEmit: true,
    }
    const config = { compilerOptions, files: ['program.ts'] }
    await writeFile(join(consumer, 'tsconfig.json'), JSON.stringify(config))
    expect(await typeErrors(consumer)).toBe('')
  })

  describe('for a schema of one’s own', () => {
    let own: string
    beforeAll(async () => {
      own = await install('own', [`kysely@${manifest.dependencies.kysely}`])
      const readme = await readFile(join(project, 'README.md'), 'utf8')
      for (const [, code = '', name = ''] of readme.matchAll(/```ts\n(\/\/ ([\w-]+\.ts).*?)```/gs))
        await writeFile(join(own, name), code)
    })

    it('has examples in the README, of twenty lines each', async () => {
      const names = ['notes.ts', 'app.ts', 'kysely.ts']
      const [notes = 0, app = 0, kysely = 0] = await Promise.all(
        names.map(
          async (name) => (await readFile(join(own, name), 'utf8')).trim().split('\n').length,
        ),
      )
      expect(notes + app).toBeLessThanOrEqual(20)
      expect(kysely).toBeLessThanOrEqual(20)
    })

    it.skipIf(!process.features.typescript).each([
      ['app.ts', "[ { id: 1, tag: 'sqlite', text: 'Use WAL.' } ]\n"],
      ['kysely.ts', "[ { id: 1, tag: 'sqlite', text: 'Use WAL.' } ]\n"],
    ])('which run as they are: %s', async (name, printed) => {
      const { stdout } = await promisify(execFile)(process.execPath, [name], { cwd: own })
      expect(stdout.replaceAll('[Object: null prototype] ', '')).toBe(printed)
    })

    it('which compile, and whose mistakes do not', async () => {
      const types = join(own, 'node_modules/@types')
      await mkdir(types, { recursive: true })
      await symlink(join(project, 'node_modules/@types/node'), join(types, 'node'), 'junction')
      const wrong = [
        "import { openOffloaded } from 'cq-store/offload'",
        "const operations = new URL('./notes.ts', import.meta.url)",
        "const notes = await openOffloaded<typeof import('./notes.ts').default>({ path: 'a', operations })",
        '// @ts-expect-error: the tag is a string',
        'await notes.find(7)',
        '// @ts-expect-error: there is no such operation',
        'await notes.lose()',
      ]
      await writeFile(join(own, 'wrong.ts'), wrong.join('\n'))
      const compilerOptions = {
        strict: true,
        module: 'nodenext',
        target: 'es2024',
        lib: ['es2024', 'esnext.disposable'],
        types: ['node'],
        noEmit: true,
        allowImportingTsExtensions: true,
      }
      const files = ['app.ts', 'kysely.ts', 'wrong.ts']
      await writeFile(join(own, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
      expect(await typeErrors(own)).toBe('')
    })

    it.skipIf(!process.features.typescript)(
      'runs from a bundle, if the package is external and the operations file is there',
      async () => {
        const out = join(own, 'bundled')
        const options = {
          bundle: true,
          platform: 'node',
          format: 'esm',
          logLevel: 'silent',
        } as const
        const entryPoints = [join(own, 'app.ts')]
        await build({ ...options, entryPoints, outdir: out, external: ['cq-store'] })
        const run = () => promisify(execFile)(process.execPath, ['app.js'], { cwd: out })
        await expect(run()).rejects.toMatchObject({
          stderr: expect.stringMatching(
            /operations file .*notes\.ts does not exist\. If a bundler/,
          ),
        })
        await copyFile(join(own, 'notes.ts'), join(out, 'notes.ts'))
        expect((await run()).stdout).toContain("text: 'Use WAL.'")
      },
    )

    it('says what to set where a bundler took it in', async () => {
      const out = join(own, 'swallowed')
      await build({
        entryPoints: [join(own, 'app.ts')],
        outdir: out,
        bundle: true,
        platform: 'node',
        format: 'esm',
        logLevel: 'silent',
        external: ['better-sqlite3'],
        banner: {
          js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)",
        },
      })
      await copyFile(join(own, 'notes.ts'), join(out, 'notes.ts'))
      const run = promisify(execFile)(process.execPath, ['app.js'], { cwd: out })
      await expect(run).rejects.toMatchObject({
        stderr: expect.stringContaining('serverExternalPackages'),
      })
    })
  })

  async function typeErrors(directory: string): Promise<string> {
    const compiler = join(project, 'node_modules/typescript/bin/tsc')
    try {
      return await node(compiler, '--pretty', 'false', '-p', directory)
    } catch (error) {
      return (error as { stdout: string }).stdout
    }
  }
})
