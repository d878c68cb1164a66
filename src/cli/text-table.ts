/** Rows under headings, in columns as wide as their widest cell. */
export function textTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const all = [headings, ...rows]
  const widths = headings.map((_, column) =>
    Math.max(...all.map((row) => printable(row[column]).length)),
  )
  return all
    .map((row) => row.map((cell, column) => printable(cell).padEnd(widths[column] ?? 0)))
    .map((cells) => `${cells.join('  ').trimEnd()}\n`)
    .join('')
}

/** Names come from elsewhere, and must not control the terminal. */
function printable(cell = ''): string {
  return cell.replaceAll(/\p{Cc}/gu, '\ufffd')
}
