import { grouped } from '../figures.ts'
import type { MixedLoadResult, MixedLoadSample } from '../mixed-load/mixed-load.ts'
import { mostWal } from '../mixed-load/report.ts'
import {
  abbreviated,
  axisStyle,
  contentBottom,
  contentTop,
  draw,
  faintInk,
  fonts,
  ink,
  type Plot,
  palette,
} from './chart.ts'

interface Panel {
  readonly name: string
  readonly colour: string
  readonly read: (sample: MixedLoadSample) => number
  /** The line that is not to be crossed. */
  readonly limit?: number
}

const megabytes = (bytes: number) => bytes / 1e6

const panels: readonly Panel[] = [
  { name: 'calls per second', colour: palette.blue, read: ({ perSecond }) => perSecond },
  {
    name: 'write-ahead log, MB',
    colour: palette.green,
    read: ({ wal }) => megabytes(wal),
    limit: megabytes(mostWal),
  },
  {
    name: 'memory of the process (RSS), MB',
    colour: palette.purple,
    read: ({ rss }) => megabytes(rss),
  },
]

const width = 960
const panelHeight = 130
const gap = 46

/** What a store does over time when it is read and written at once: three panels above each other. */
export function mixedLoadPlot({ options, samples }: MixedLoadResult, caption: string): Plot {
  const { units, inFlight, seconds, settleSeconds } = options
  const places = panels.map((panel, place) => ({
    ...panel,
    top: contentTop + 34 + place * (panelHeight + gap),
  }))
  const last = panels.length - 1
  return draw({
    name: 'mixed-load',
    title: `${seconds} s of 90 % reads and 10 % writes`,
    subtitle: `${grouped(units)} units before, ${inFlight} calls in flight; left of the dotted line memory settles`,
    caption,
    width,
    height: contentTop + 34 + panels.length * (panelHeight + gap) + contentBottom,
    option: {
      title: places.map(({ name, top }) => ({
        text: name,
        left: 76,
        top: top - 24,
        padding: 0,
        textStyle: { color: ink, fontSize: 13, fontWeight: 600, ...fonts },
      })),
      grid: places.map(({ top }) => ({ left: 76, right: 30, top, height: panelHeight })),
      xAxis: places.map((_, gridIndex) => ({
        ...axisStyle,
        gridIndex,
        type: 'value',
        min: 0,
        max: samples.at(-1)?.seconds ?? seconds,
        axisLabel: { ...axisStyle.axisLabel, show: gridIndex === last, showMaxLabel: false },
        name: gridIndex === last ? 'seconds' : '',
        nameLocation: 'middle',
        nameGap: 26,
      })),
      yAxis: places.map(({ limit }, gridIndex) => ({
        ...axisStyle,
        gridIndex,
        type: 'value',
        min: 0,
        splitNumber: 4,
        ...(limit !== undefined && { max: limit * 1.25, interval: limit / 2 }),
        axisLabel: { ...axisStyle.axisLabel, formatter: abbreviated, showMaxLabel: !limit },
      })),
      series: places.map(({ name, colour, read, limit }, place) => ({
        name,
        type: 'line',
        xAxisIndex: place,
        yAxisIndex: place,
        showSymbol: false,
        color: colour,
        lineStyle: { width: 2 },
        areaStyle: { color: colour, opacity: 0.12 },
        data: samples.map((sample) => [sample.seconds, read(sample)]),
        markLine: {
          silent: true,
          symbol: 'none',
          data: [
            { xAxis: settleSeconds, label: { show: false }, lineStyle: { color: faintInk } },
            ...(limit === undefined
              ? []
              : [
                  {
                    yAxis: limit,
                    lineStyle: { color: palette.red, type: 'dashed' as const },
                    label: {
                      position: 'insideEndTop' as const,
                      formatter: 'limit',
                      color: palette.red,
                      ...fonts,
                    },
                  },
                ]),
          ],
          lineStyle: { type: 'dotted' as const, width: 1.5 },
        },
      })),
    },
  })
}
