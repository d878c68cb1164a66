/** Figures as pages tell them. */

/** `1,234,567` */
export function grouped(number: number): string {
  return Math.round(number).toLocaleString('en-GB')
}

/** Three digits that count. */
export function short(number: number): string {
  if (number >= 100) return grouped(number)
  return number.toFixed(number >= 10 ? 1 : 2)
}

/** A time in the unit that suits it. */
export function spokenTime(microseconds: number): string {
  if (microseconds < 1_000) return `${short(microseconds)} µs`
  if (microseconds < 1e6) return `${short(microseconds / 1_000)} ms`
  return `${short(microseconds / 1e6)} s`
}

/** The median, NaN of nothing. */
export function middle(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other)
  const half = sorted.length / 2
  const upper = sorted[Math.floor(half)] ?? Number.NaN
  return Number.isInteger(half) ? ((sorted[half - 1] ?? Number.NaN) + upper) / 2 : upper
}

/** @param texts how many columns, from the left, are text; numbers stand at the right */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  texts = 1,
): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`
  const rule = head.map((_, index) => (index < texts ? '---' : '---:'))
  return [line(head), line(rule), ...rows.map(line)].join('\n')
}

/** `documented`: there is no bound, and the figure is to be known. */
export type Verdict = 'reached' | 'missed' | 'not measured' | 'documented'

/** A figure that the store is to reach. */
export interface Target {
  readonly what: string
  readonly target: string
  readonly measured: string
  /** What was measured, where it is one number. */
  readonly value: number | null
  readonly verdict: Verdict
}

/** One of `least` and `most`, and what each run measured, of which the median counts; NaN is nothing. */
export function targetRow(row: {
  readonly what: string
  readonly least?: number
  readonly most?: number
  readonly measured: readonly number[]
  readonly write?: (value: number) => string
}): Target {
  const { what, least, most, write = times } = row
  const target = least === undefined ? `at most ${write(most ?? 0)}` : `at least ${write(least)}`
  const measured = row.measured.filter((value) => !Number.isNaN(value))
  if (measured.length === 0)
    return { what, target, measured: '', value: null, verdict: 'not measured' }
  const value = middle(measured)
  const isReached = value >= (least ?? value) && value <= (most ?? value)
  return {
    what,
    target,
    measured: withRange(measured, write),
    value,
    verdict: isReached ? 'reached' : 'missed',
  }
}

/** The median, and where there are several numbers, from which to which they go. */
export function withRange(numbers: readonly number[], write: (value: number) => string): string {
  const median = write(middle(numbers))
  if (numbers.length < 2) return median
  return `${median} (${write(Math.min(...numbers))} to ${write(Math.max(...numbers))})`
}

/** A figure that has no bound. */
export function documentedRow(what: string, measured: string | undefined): Target {
  const verdict = measured === undefined ? 'not measured' : 'documented'
  return { what, target: 'documented', measured: measured ?? '', value: null, verdict }
}

export function times(ratio: number): string {
  return `${short(ratio)} ×`
}
