import { describe, expect, it } from 'vitest'
import { RankedList } from '../../src/ranking/ranked-list.ts'

const isBefore = (one: number, other: number) => one < other

function unitsIn(list: RankedList): number[] {
  return list.blocks.flatMap(({ entries, length }) =>
    Array.from({ length }, (_, at) => entries[2 * at] as number),
  )
}

/** The numbers below a count, each once, in no order. */
function shuffled(count: number): number[] {
  return Array.from({ length: count }, (_, index) => (index * 7_919) % count)
}

describe('a ranked list', () => {
  it('is in order, whatever was added and removed, and keeps each mark with its unit', () => {
    const list = new RankedList()
    const there = new Set<number>()
    for (const [step, unit] of [...shuffled(5_000), ...shuffled(4_999)].entries()) {
      if (there.delete(unit)) list.remove(unit, isBefore)
      else {
        list.insert(unit, -unit, isBefore)
        there.add(unit)
      }
      if (step % 500 > 0) continue
      expect(unitsIn(list)).toEqual([...there].sort((one, other) => one - other))
    }
    for (const { entries, length } of list.blocks)
      for (let at = 0; at < length; at++) expect(entries[2 * at + 1]).toBe(-(entries[2 * at] ?? 0))
  })

  it('has few blocks again once it has shrunk, and none once it is empty', () => {
    const list = new RankedList()
    for (let unit = 0; unit < 20_000; unit++) list.append(unit, 0)
    const { bytes } = list
    for (const unit of shuffled(20_000)) if (unit % 100 > 0) list.remove(unit, isBefore)
    expect(unitsIn(list)).toHaveLength(200)
    expect(list.blocks.length).toBeLessThan(20)
    expect(list.bytes).toBeLessThan(bytes / 4)
    for (let unit = 0; unit < 20_000; unit += 100) list.remove(unit, isBefore)
    expect(list.blocks).toEqual([])
    list.insert(7, 1, isBefore)
    expect(unitsIn(list)).toEqual([7])
  })
})
