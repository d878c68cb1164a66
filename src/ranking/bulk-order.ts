/** The sort keys of units, both descending; ids are compared by their first words, then as a whole. */
interface OrderKeys {
  confidence(unit: number): number
  /** The first 32 bits of the id. */
  firstWord(unit: number): number
  /** Compares two units: negative if the first comes before the second. */
  compare(one: number, other: number): number
}

const digitValues = 65_536

/**
 * Sorts many units without comparing each with others: by stable counting passes, the least significant key
 * first. Only units that are still equal are compared.
 */
export function inOrder(units: Int32Array, keys: OrderKeys): Int32Array {
  let ordered = units
  for (const shift of [0, 16])
    ordered = byNumber(ordered, digitValues, (unit) => ~(keys.firstWord(unit) >>> shift) & 0xffff)
  const places = new Map<number, number>()
  for (const unit of ordered) places.set(keys.confidence(unit), 0)
  const highestFirst = Float64Array.from(places.keys()).sort().reverse()
  for (const [place, confidence] of highestFirst.entries()) places.set(confidence, place)
  ordered = byNumber(ordered, places.size, (unit) => places.get(keys.confidence(unit)) as number)
  sortEqual(ordered, keys)
  return ordered
}

/** Sorts stably by a non-negative integer. */
function byNumber(
  units: Int32Array,
  numbers: number,
  numberOf: (unit: number) => number,
): Int32Array {
  const starts = new Uint32Array(numbers + 1)
  for (const unit of units) {
    const next = numberOf(unit) + 1
    starts[next] = (starts[next] as number) + 1
  }
  for (let number = 0; number < numbers; number++)
    starts[number + 1] = (starts[number + 1] as number) + (starts[number] as number)
  const ordered = new Int32Array(units.length)
  for (const unit of units) {
    const number = numberOf(unit)
    const at = starts[number] as number
    ordered[at] = unit
    starts[number] = at + 1
  }
  return ordered
}

/** Sorts each run of units that all passes left equal. */
function sortEqual(units: Int32Array, keys: OrderKeys): void {
  const isEqual = (one: number, other: number) =>
    keys.firstWord(one) === keys.firstWord(other) && keys.confidence(one) === keys.confidence(other)
  for (let from = 0; from < units.length; ) {
    let to = from + 1
    while (to < units.length && isEqual(units[from] as number, units[to] as number)) to++
    if (to - from > 1) units.subarray(from, to).sort((one, other) => keys.compare(one, other))
    from = to
  }
}
