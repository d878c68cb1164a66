import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { SqliteStore } from '../../src/sqlite/store.ts'
import type { PeerOrder } from './processes/peer.ts'
import { startScript } from './script.ts'
import { ordinaryUnits } from './steered-units.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

describe('two stores on one file', () => {
  it('in one process: each reads what the other wrote, and goes on without the other', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    // Opened at once, so that they meet while the file is being made.
    const [one, two] = await Promise.all([
      SqliteStore.open({ path, readers: 1 }),
      SqliteStore.open({ path, readers: 1 }),
    ])
    const [mine, theirs] = ordinaryUnits(2)
    if (!mine || !theirs) return
    await one.insert(mine)
    expect(await two.getAny(mine.id)).toEqual(mine)
    await two.insert(theirs)
    expect(await one.getAny(theirs.id)).toEqual(theirs)

    await Promise.all(
      ordinaryUnits(100, 0x2000).map((unit, index) => [one, two][index % 2]?.insert(unit)),
    )
    expect(await Promise.all([one.count(), two.count()])).toEqual([102, 102])

    await one.close()
    // Folded into the file although the other store still has it open.
    expect((await stat(`${path}-wal`)).size).toBe(0)
    await two.insertMany(ordinaryUnits(1, 0x9000))
    expect(await two.count()).toBe(103)
    await two.close()
    expect(await directory.list()).toEqual(['cq.db'])
  })

  it('in two processes: each reads what the other wrote, and both write at once', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('cq.db')
    const peer = startScript('peer.ts', path)
    const answer = async () => (await once(peer, 'message'))[0] as unknown
    const ask = (order: PeerOrder) => {
      peer.send(order)
      return answer()
    }
    const [opened, store] = await Promise.all([answer(), SqliteStore.open({ path, readers: 1 })])
    expect(opened).toBe('open')
    {
      await using _ = store
      await ask({ insert: { count: 1, from: 0x2000 } })
      const [theirs] = ordinaryUnits(1, 0x2000)
      expect(await store.getAny(theirs?.id ?? '')).toEqual(theirs)
      await store.insertMany(ordinaryUnits(2))
      expect(await ask({ count: true })).toBe(3)

      await Promise.all([
        ask({ insert: { count: 100, from: 0x3000 } }),
        ...ordinaryUnits(100, 0x4000).map((unit) => store.insert(unit)),
      ])
      expect(await ask({ count: true })).toBe(203)
      expect(await store.count()).toBe(203)
    }
    const exit = once(peer, 'exit')
    peer.send({ close: true } satisfies PeerOrder)
    expect((await exit)[0]).toBe(0)
    expect(await directory.list()).toEqual(['cq.db'])
  })
})
