/** The kinds of typed arrays that the index keeps its columns in. */
type Column = Float64Array | Int32Array | Uint32Array | Uint8Array

/** How much larger a column is made than it must be, so that few additions make it grow. */
const slack = 1.25
const smallest = 64

/** The column itself where it has room for so many items, else a copy that has. */
export function withRoomFor<C extends Column>(column: C, items: number): C {
  if (items <= column.length) return column
  const length = Math.max(smallest, Math.ceil(items * slack))
  const larger = new (column.constructor as new (length: number) => C)(length)
  larger.set(column)
  return larger
}
