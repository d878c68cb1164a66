import { grouped, middle, short, type Target, table, targetRow } from '../figures.ts'
import { type MixedCall, type MixedLoadResult, type MixedLoadSample, shares } from './result.ts'

/** What the write-ahead log must not grow beyond, in bytes. */
export const mostWal = 64e6
/** What memory may grow by once it has settled, in bytes, and still be called flat: the larger of both. */
const mostGrowth = 32e6
const mostGrowthShare = 0.1

const megabytes = (bytes: number) => bytes / 1e6

/** The highest that the write-ahead log was seen, in bytes. */
export function highestWal({ samples }: MixedLoadResult): number {
  return Math.max(...samples.map(({ wal }) => wal))
}

/**
 * What memory grew by once it had settled, in bytes: the rise of the line that fits its samples best. A
 * single sample tells when garbage was last collected, rather than whether memory leaks.
 */
export function memoryGrowth(result: MixedLoadResult): number {
  const settled = settledSamples(result)
  const [first, last] = [settled[0], settled.at(-1)]
  if (!first || !last || first === last) return Number.NaN
  const mean = (read: (sample: MixedLoadSample) => number) =>
    settled.reduce((sum, sample) => sum + read(sample), 0) / settled.length
  const [meanTime, meanRss] = [mean(({ seconds }) => seconds), mean(({ rss }) => rss)]
  const slope =
    mean(({ seconds, rss }) => (seconds - meanTime) * (rss - meanRss)) /
    mean(({ seconds }) => (seconds - meanTime) ** 2)
  return slope * (last.seconds - first.seconds)
}

/** Rows of the table of targets. */
export function mixedLoadTargets(result: MixedLoadResult): Target[] {
  const { inFlight, settleSeconds } = result.options
  const load = `90/10 load for ${short(result.seconds)} s, ${inFlight} in flight`
  const write = (bytes: number) => `${short(megabytes(bytes))} MB`
  const memory = middle(settledSamples(result).map(({ rss }) => rss))
  return [
    targetRow({
      what: `${load}: highest write-ahead log`,
      most: mostWal,
      measured: [highestWal(result)],
      write,
    }),
    targetRow({
      what: `${load}: growth of memory after ${settleSeconds} s`,
      most: Math.max(mostGrowth, mostGrowthShare * memory),
      measured: [Math.max(0, memoryGrowth(result))],
      write,
    }),
  ]
}

/** The part of a page that tells what the load did. */
export function mixedLoadSection(result: MixedLoadResult): string {
  const { options, calls, seconds, samples } = result
  const settled = settledSamples(result)
  const lastSample = samples.at(-1)
  const read = (of: (sample: MixedLoadSample) => number) => ({
    middle: middle(settled.map(of)),
    highest: Math.max(...samples.map(of)),
    last: lastSample ? of(lastSample) : Number.NaN,
  })
  const row = (name: string, of: (sample: MixedLoadSample) => number) => {
    const { middle, highest, last } = read(of)
    return [name, short(middle), short(highest), short(last)]
  }
  const parts = (Object.entries(shares) as [MixedCall, number][]).map(
    ([kind, share]) => `${Math.round(100 * share)} % \`${kind}\` (${grouped(calls[kind])})`,
  )
  return [
    '## Reads and writes at once, over time',
    `${short(seconds)} s, ${options.inFlight} calls in flight, ${grouped(options.units)} units before, default options, a process of its own: ${parts.join(', ')}; sampled every ${options.sampleSeconds} s.`,
    table(
      ['', `median after ${options.settleSeconds} s`, 'highest', 'at the end'],
      [
        row('calls/s', ({ perSecond }) => perSecond),
        row('write-ahead log, MB', ({ wal }) => megabytes(wal)),
        row('database file, MB', ({ database }) => megabytes(database)),
        row('memory of the process, MB', ({ rss }) => megabytes(rss)),
      ],
    ),
    `Memory is called flat where the line that fits its samples after ${options.settleSeconds} s best rises by no more than ${megabytes(mostGrowth)} MB or ${100 * mostGrowthShare} % until the end: it rose by ${short(megabytes(memoryGrowth(result)))} MB. A heap breathes, so that the difference of two samples would tell when garbage was collected. The process is also the one that makes the calls.`,
  ].join('\n\n')
}

function settledSamples({ options, samples }: MixedLoadResult): MixedLoadSample[] {
  return samples.filter(({ seconds }) => seconds >= options.settleSeconds)
}
