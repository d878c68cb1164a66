import { describe, expect, it } from 'vitest'
import { requireSafeSqlite, requireSupportedNode } from '../../src/sqlite/versions.ts'
import { runScript } from './script.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

describe('an older Node', () => {
  it.each(['20.19.0', '18.20.8', '22.11.0', '22.11.99', '9.9.9'])('is refused: %s', (version) => {
    expect(() => requireSupportedNode(version)).toThrow(
      expect.objectContaining({
        name: 'StoreError',
        code: 'unavailable',
        message: `cq-store needs Node 22.12.0 or newer, this is Node ${version}`,
      }),
    )
  })

  it('is refused when a store is opened, before anything is made', async () => {
    await using directory = await TemporaryDirectory.create()
    expect(await runScript('old-node.ts', directory.file('below', 'cq.db'))).toMatchObject({
      code: 0,
      stdout: 'unavailable: cq-store needs Node 22.12.0 or newer, this is Node 20.19.0\n',
    })
    expect(await directory.list()).toEqual([])
  })
})

describe('a Node that is new enough', () => {
  it.each(['22.12.0', '22.12.1', '22.20.0', '24.0.0', '100.0.0', '22.12.0-nightly'])(
    'is taken: %s',
    (version) => expect(() => requireSupportedNode(version)).not.toThrow(),
  )

  it('is the one that this runs on', () => {
    expect(() => requireSupportedNode()).not.toThrow()
  })
})

describe('an SQLite whose write-ahead log is not safe', () => {
  it.each(['3.51.2', '3.7.0', '3.50.4', '3.9.2', '2.8.17'])('is refused: %s', (version) => {
    expect(() => requireSafeSqlite(version)).toThrow(
      expect.objectContaining({
        name: 'StoreError',
        code: 'unavailable',
        message: expect.stringContaining(`better-sqlite3 brought ${version}`),
      }),
    )
  })

  it.each(['3.51.3', '3.51.10', '3.52.0', '3.100.0', '4.0.0'])('is not newer: %s', (version) => {
    expect(() => requireSafeSqlite(version)).not.toThrow()
  })
})
