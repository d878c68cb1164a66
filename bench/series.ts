import type { ComparisonResult } from './bench.ts'
import type { CellFigures } from './cell.ts'
import { middle } from './figures.ts'

/** What one entrant of a comparison did at one number of calls in flight, run by run. */
export interface Series {
  readonly comparison: ComparisonResult | undefined
  readonly entrant: string
  readonly inFlight: number
}

export type ReadFigure = (figures: CellFigures) => number

export const perSecond: ReadFigure = (figures) => figures.perSecond
/** How long a call takes where calls come one after the other, in microseconds. */
export const timePerCall: ReadFigure = (figures) => 1e6 / figures.perSecond
/** Of a few calls made in turns, what the slowest took on average, in microseconds. */
export const slowestCall: ReadFigure = ({ slowest }) => slowest ?? Number.NaN
/** NaN where Node does not tell it. */
export const mainThreadCpu: ReadFigure = ({ cpu }) => cpu.mainThread ?? Number.NaN

export function figuresOf({ comparison, entrant, inFlight }: Series): CellFigures[] {
  return (comparison?.measurements ?? [])
    .filter((one) => one.entrant === entrant && one.inFlight === inFlight)
    .sort((one, other) => one.run - other.run)
    .map(({ figures }) => figures)
}

/** NaN where nothing was measured. */
export function median(series: Series, read: ReadFigure): number {
  return middle(figuresOf(series).map(read))
}

/**
 * How many times what the base has, run by run, so that a slow moment of the machine hits both. NaN
 * where the base was not measured.
 */
export function ratios(series: Series, base: Series, read: ReadFigure): number[] {
  const against = figuresOf(base).map(read)
  return figuresOf(series).map((figures, run) => read(figures) / (against[run] ?? Number.NaN))
}
