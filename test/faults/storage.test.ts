import { randomBytes } from 'node:crypto'
import { openSync, readSync, writeSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RunningCommand } from '../cli/command.ts'
import { TemporaryDirectory } from '../sqlite/temporary-directory.ts'
import { tryCompany } from './company.ts'
import { tryDamage } from './damage.ts'
import { buildShim, callKinds, makeControl, shimmed, sweepDisk } from './disk.ts'
import { killLedger, killLibrary, killServer, makeKey, propose } from './kills.ts'
import { tryPowerLoss } from './power-loss.ts'

/** A short round of each; `npm run test:faults` is the long one. */

const seed = 20261126
const noShim = 'there is no compiler of C, or this is no Linux'

let tools: TemporaryDirectory
let shim: string | undefined
beforeAll(async () => {
  tools = await TemporaryDirectory.create()
  shim = buildShim(tools.path)
})
afterAll(() => tools[Symbol.asyncDispose]())

describe('a process that is killed loses no acknowledged write', () => {
  test.each([
    ['library', 4, killLibrary],
    ['server', 2, killServer],
    ['program with a schema of its own', 4, killLedger],
  ])('%s', async (_name, rounds, kill) => {
    await using directory = await TemporaryDirectory.create()
    const { acknowledged, faults } = await kill({ directory: directory.path, rounds, seed })
    expect(faults).toEqual([])
    expect(acknowledged).toBeGreaterThan(0)
  })
})

test('a damaged file hangs nothing, is no fault of the library, and is told', async () => {
  await using directory = await TemporaryDirectory.create()
  const { corrupt, faults } = await tryDamage(directory.path, { images: 10, seed })
  expect(faults).toEqual([])
  expect(corrupt).toBeGreaterThan(0)
})

test('two servers and commands work on one file at once', async () => {
  await using directory = await TemporaryDirectory.create()
  const { acknowledged, commands, faults } = await tryCompany(directory.path, 'short')
  expect(faults).toEqual([])
  expect(commands).toBe(4)
  expect(acknowledged).toBeGreaterThan(0)
}, 180_000)

describe('a disk', () => {
  test('whose calls fail is told as such, and no answer is a lie', async ({ skip }) => {
    if (!shim) return skip(noShim)
    await using directory = await TemporaryDirectory.create()
    const control = await makeControl(tools.path)
    const figures = await sweepDisk({ shim, directory: directory.path, control }, 6)
    expect(figures).toEqual({ cases: 6, happened: 6, faults: [] })
  })

  test.for(['full', 'normal'] as const)(
    'that loses power keeps what was acknowledged at durability %s',
    async (durability, { skip }) => {
      if (!shim) return skip(noShim)
      await using directory = await TemporaryDirectory.create()
      const options = { shim, directory: directory.path, durability, seed }
      const { lost, faults } = await tryPowerLoss({ ...options, images: 8, writes: 80 })
      expect(faults).toEqual([])
      if (durability === 'full') expect(lost).toBe(0)
    },
  )

  test('that never answers keeps no server from ending', async ({ skip }) => {
    if (!shim) return skip(noShim)
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    const [secret, pepper] = [0, 1].map(() => randomBytes(48).toString('base64url')) as [
      string,
      string,
    ]
    const key = await makeKey(path, pepper)
    const control = await makeControl(tools.path)
    await using command = new RunningCommand({
      args: ['serve', '--port', '0', '--durability', 'full', '--grace-period', '500'],
      environment: {
        ...shimmed({ shim, directory: directory.path, control }),
        CQ_DB_PATH: path,
        CQ_JWT_SECRET: secret,
        CQ_API_KEY_PEPPER: pepper,
      },
    })
    const [, url = ''] = await command.tells(/listening at (http:[^"]+)/)
    const [happened, never] = [5, -1]
    const values = Int32Array.from([1, callKinds.indexOf('flush'), 1, never, 1, 0, 0, 0, 0, 0, 0])
    const file = openSync(control, 'r+')
    writeSync(file, values, 0, undefined, 0)
    const proposal = propose(url, key).catch(() => 'cut')
    await expect
      .poll(() => {
        readSync(file, values, 0, values.byteLength, 0)
        return values[happened]
      })
      .toBeGreaterThan(0)
    command.process.kill('SIGTERM')
    expect(await command.outcome).toMatchObject({ code: null, signal: 'SIGTERM' })
    expect(await proposal).toBe('cut')
  })
})
