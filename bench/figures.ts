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

/** One of `least` and `most`; what was not measured is NaN. */
export function targetRow(row: {
  readonly what: string
  readonly least?: number
  readonly most?: number
  readonly measured: number
  readonly write?: (value: number) => string
}): Target {
  const { what, least, most, measured, write = times } = row
  const target = least === undefined ? `at most ${write(most ?? 0)}` : `at least ${write(least)}`
  if (Number.isNaN(measured))
    return { what, target, measured: '', value: null, verdict: 'not measured' }
  const isReached = measured >= (least ?? measured) && measured <= (most ?? measured)
  return {
    what,
    target,
    measured: write(measured),
    value: measured,
    verdict: isReached ? 'reached' : 'missed',
  }
}

/** A figure that has no bound. */
export function documentedRow(what: string, measured: string | undefined): Target {
  const verdict = measured === undefined ? 'not measured' : 'documented'
  return { what, target: 'documented', measured: measured ?? '', value: null, verdict }
}

export function times(ratio: number): string {
  return `${short(ratio)} ×`
}
