import { describe, expect, it } from 'vitest'
import { Latch } from '../threads/latch.ts'
import { outcome } from '../threads/outcome.ts'
import { openSteered } from './steered-store.ts'
import { heldUnit, ordinaryUnits, steeredIds } from './steered-units.ts'
import { TemporaryDirectory } from './temporary-directory.ts'

describe('a store with more calls than may wait', () => {
  it('turns the others away at once, and does all that it took', async () => {
    const writing = Latch.create('write')
    await using directory = await TemporaryDirectory.create()
    await using store = await openSteered({
      path: directory.file('cq.db'),
      readers: 1,
      maxQueue: 5,
    })
    const held = store.insert(heldUnit)
    await writing.arrived()
    const units = ordinaryUnits(12)
    const calls = units.map((unit) => outcome(store.insert(unit)))
    expect(await outcome(store.update(heldUnit))).toBe('overloaded')
    // Reads have a lane of their own.
    expect(await store.getAny(steeredIds.deadly)).toBeNull()
    writing.open()
    await held
    const outcomes = await Promise.all(calls)
    for (const [index, { id }] of units.entries())
      expect(outcomes[index]).toBe((await store.getAny(id)) ? 'answered' : 'overloaded')
    const { overloads } = store.figures.write
    expect(outcomes.filter((each) => each === 'overloaded')).toHaveLength(overloads - 1)
    expect(outcomes.filter((each) => each === 'answered').length).toBeGreaterThanOrEqual(5)
  })
})

describe('a store whose calls have a deadline', () => {
  // Long enough for the store to be closed within it, too.
  const timeout = 1_000

  it('ends a write that waits as timeout, and never does it', async () => {
    const writing = Latch.create('write')
    await using directory = await TemporaryDirectory.create()
    await using store = await openSteered({ path: directory.file('cq.db'), readers: 1, timeout })
    const held = outcome(store.insert(heldUnit))
    await writing.arrived()
    const [ahead, waiting] = ordinaryUnits(2)
    if (!ahead || !waiting) return
    // Sent to the writer, for it to go on with.
    const next = outcome(store.insert(ahead))
    await Promise.resolve()
    expect(await outcome(store.insert(waiting))).toBe('timeout')
    expect(await Promise.all([held, next])).toEqual(['outcome_unknown', 'outcome_unknown'])
    writing.open()
    // One that waits its turn is done only after the one that was sent.
    while ((await outcome(store.update(heldUnit))) !== 'answered');
    expect(await storedIds([heldUnit.id, ahead.id, waiting.id])).toEqual([true, true, false])

    async function storedIds(ids: string[]): Promise<boolean[]> {
      const found: boolean[] = []
      for (const id of ids) found.push((await onceInTime(() => store.getAny(id))) !== null)
      return found
    }
  })

  it('ends a read under way as timeout, and answers later ones', async () => {
    const reading = Latch.create('read')
    await using directory = await TemporaryDirectory.create()
    await using store = await openSteered({ path: directory.file('cq.db'), readers: 1, timeout })
    const held = outcome(store.get(steeredIds.held))
    await reading.arrived()
    expect(await held).toBe('timeout')
    expect(await outcome(store.reviewQueue())).toBe('timeout')
    reading.open()
    expect((await onceInTime(() => store.reviewQueue())).total).toBe(0)
    expect(store.figures.read.restarts).toBe(0)
  })
})

/** Repeats a read while it comes too late, as on a busy machine it may. */
async function onceInTime<T>(make: () => Promise<T>): Promise<T> {
  for (;;) {
    const call = make()
    if ((await outcome(call)) !== 'timeout') return call
  }
}
