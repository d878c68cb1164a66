/** The typed arrays that the index keeps its columns in. */
type Column = Float64Array | Int32Array | Uint32Array | Uint8Array

/** How much larger than needed a column is made, so that it rarely grows. */
const slack = 1.25
const smallest = 64

/** The column itself if it is long enough, otherwise a longer copy. */
export function withRoomFor<C extends Column>(column: C, items: number): C {
  if (items <= column.length) return column
  const length = Math.max(smallest, Math.ceil(items * slack))
  const larger = new (column.constructor as new (length: number) => C)(length)
  larger.set(column)
  return larger
}
