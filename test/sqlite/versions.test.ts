import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { requireSafeSqlite, requireSupportedRuntime } from '../../src/offload/versions.ts'
import { runCommand } from '../cli/command.ts'
import { runScript } from './script.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

const { versions } = process

describe('a Node whose native interface the SQLite driver does not fit', () => {
  it.each([
    ['22.13.1', '9'],
    ['22.12.0', '9'],
    ['23.5.0', '9'],
    ['20.19.0', '9'],
    ['9.9.9', ''],
  ])('is refused: %s', (node, napi) => {
    expect(() => requireSupportedRuntime({ ...versions, node, napi })).toThrow(
      expect.objectContaining({
        name: 'OffloadError',
        code: 'unavailable',
        message: `cq-store needs Node 22.14 or newer (of Node 23, 23.6 or newer); this is Node ${node}`,
      }),
    )
  })

  it('is refused when a store is opened, before anything is made', async () => {
    await using directory = await TemporaryDirectory.create()
    const old = JSON.stringify({ node: '22.13.1', napi: '9' })
    const path = directory.file('below', 'cq.db')
    expect(await runScript('other-runtime.ts', path, old)).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^unavailable: cq-store needs .*; this is Node 22\.13\.1\n$/),
    })
    expect(await directory.list()).toEqual([])
  })
})

describe('another runtime than Node', () => {
  it.each([
    ['Bun', { bun: '1.4.5' }],
    ['Deno', { deno: '2.6.0' }],
  ])('is refused in words when a store is opened: %s', async (name, claimed) => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    expect(await runScript('other-runtime.ts', path, JSON.stringify(claimed))).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        new RegExp(`^unavailable: cq-store needs Node .*; this is ${name} \\d`),
      ),
    })
    expect(await directory.list()).toEqual([])
  })

  it('is refused by the command line, too', async () => {
    const asBun =
      'data:text/javascript,Object.defineProperty(process.versions,"bun",{value:"1.4.5"})'
    const { code, stderr } = await runCommand({ args: ['--help'], nodeArgs: ['--import', asBun] })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^cq-store: cq-store needs Node .*; this is Bun 1\.4\.5\n$/)
  })
})

describe('a Node that is new enough', () => {
  it.each([
    ['22.14.0', '10'],
    ['23.6.0', '10'],
    ['24.0.0', '10'],
    ['100.0.0', '11'],
  ])('is taken: %s', (node, napi) =>
    expect(() => requireSupportedRuntime({ ...versions, node, napi })).not.toThrow(),
  )

  it('is the one that this runs on', () => {
    expect(() => requireSupportedRuntime()).not.toThrow()
  })
})

describe('a Node that is started without rights that a store needs', () => {
  const read = '--allow-fs-read=*'
  const write = '--allow-fs-write=*'
  const [worker, addons] = ['--allow-worker', '--allow-addons']
  const permitted = ['--permission', read, write, worker, addons]
  const compiling = '--disallow-code-generation-from-strings'

  it.each([
    ['--allow-worker', ['--permission', read, write, addons]],
    ['--allow-addons', ['--permission', read, write, worker]],
    ['--allow-fs-write', ['--permission', read, worker, addons]],
    ['without --no-addons', ['--no-addons']],
    [`without ${compiling}`, [compiling]],
  ])('is told what is missing: %s', async (missing, nodeArgs) => {
    await using directory = await TemporaryDirectory.create()
    const outcome = await runScript(['one-round.ts', ...nodeArgs], directory.file('cq.db'))
    expect(outcome).toMatchObject({ code: 0, signal: null })
    expect(outcome.stdout).toMatch(/^unavailable: cq-store needs /)
    expect(outcome.stdout).toContain(missing)
    expect(await directory.list()).toEqual([])
  })

  it('is told where it may not read the file', async () => {
    await using directory = await TemporaryDirectory.create()
    const { path } = directory
    const project = fileURLToPath(new URL('../..', import.meta.url))
    const nodeArgs = ['--permission', `--allow-fs-read=${project}`, write, worker, addons]
    const outcome = await runScript(['one-round.ts', ...nodeArgs], directory.file('cq.db'))
    expect(outcome.stdout).toContain(`unavailable: cq-store needs to read ${path}`)
    expect(outcome.stdout).toContain('--allow-fs-read')
  })

  it('is enough where it has them all', async () => {
    await using directory = await TemporaryDirectory.create()
    const outcome = await runScript(['one-round.ts', ...permitted], directory.file('cq.db'))
    expect(outcome).toMatchObject({ code: 0, stdout: 'found 1\n' })
    expect(await directory.list()).toEqual(['cq.db'])
  })

  it.each([
    ['--allow-worker', ['--permission', read, write, addons]],
    ['--allow-addons', ['--permission', read, write, worker]],
    [compiling, [compiling]],
  ])('is told so by the command line: %s', async (missing, nodeArgs) => {
    const { code, stdout, stderr } = await runCommand({ args: ['--version'], nodeArgs })
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
    expect(stderr).toContain(missing)
  })

  it('is told so where a unit is made without a store', async () => {
    const outcome = await runScript(['making-units.ts', compiling])
    expect(outcome).toMatchObject({ code: 0, stderr: '' })
    expect(outcome.stdout).toContain(`without ${compiling}`)
  })
})

describe('an SQLite whose write-ahead log is not safe', () => {
  it.each(['3.51.2', '3.7.0', '3.50.4', '3.9.2', '2.8.17'])('is refused: %s', (version) => {
    expect(() => requireSafeSqlite(version)).toThrow(
      expect.objectContaining({
        name: 'OffloadError',
        code: 'unavailable',
        message: expect.stringContaining(`better-sqlite3 brought ${version}`),
      }),
    )
  })

  it.each(['3.51.3', '3.51.10', '3.52.0', '3.100.0', '4.0.0'])('is not newer: %s', (version) => {
    expect(() => requireSafeSqlite(version)).not.toThrow()
  })
})
