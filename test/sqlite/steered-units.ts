import { sampleUnit, unitId } from '../store/samples.ts'

/** Ids at which a steered worker does something else than its work. */
export const steeredIds = {
  /** An insert of it waits at the latch `write` inside its transaction, a `get` of it at `read`. */
  held: unitId(0xa1),
  /** As `held`. */
  heldToo: unitId(0xa4),
  /** An insert or `get` of it ends the thread, inside its transaction. */
  deadly: unitId(0xa2),
  /** As `deadly`, unless the tally `exits` says that it was done before. */
  deadlyOnce: unitId(0xa3),
} as const

const observed = new Date('2026-05-04T03:02:01.000Z')

export const heldUnit = sampleUnit(steeredIds.held, observed)
export const otherHeldUnit = sampleUnit(steeredIds.heldToo, observed)
export const deadlyUnit = sampleUnit(steeredIds.deadly, observed)

/** So many different units, which nothing is odd about. */
export function ordinaryUnits(count: number, from = 0x1000) {
  return Array.from({ length: count }, (_, index) => sampleUnit(unitId(from + index), observed))
}

/** As `ordinaryUnits`, each of some 30 KB, as long as may be. */
export function heavyUnits(count: number, from = 0x1000) {
  const detail = '\u20ac'.repeat(8_000)
  const action = '\u20ac'.repeat(2_000)
  return ordinaryUnits(count, from).map((unit) => ({
    ...unit,
    insight: { ...unit.insight, detail, action },
  }))
}
