import { grouped } from '../figures.ts'
import {
  abbreviated,
  axisStyle,
  contentBottom,
  contentTop,
  draw,
  fonts,
  ink,
  type Plot,
  palette,
} from './chart.ts'

export interface InFlightPlotData {
  readonly units: number
  /** A panel each. */
  readonly workloads: readonly {
    readonly name: string
    /** A line each; the first one stands out. */
    readonly contenders: readonly {
      readonly name: string
      readonly points: readonly { readonly inFlight: number; readonly perSecond: number }[]
    }[]
  }[]
}

const panelWidth = 440
const panelHeight = 300
const valuesWidth = 64
const gap = 24
const colours = Object.values(palette)

/** What more calls at a time bring: a panel for each workload. */
export function inFlightPlot({ units, workloads }: InFlightPlotData, caption: string): Plot {
  const names = [
    ...new Set(workloads.flatMap(({ contenders }) => contenders.map(({ name }) => name))),
  ]
  const colourOf = (name: string) => colours[names.indexOf(name) % colours.length] ?? palette.grey
  // Two lines, since nobody knows how wide a reader's letters are.
  const top = contentTop + 90
  const panels = workloads.map((workload, place) => ({
    ...workload,
    left: 20 + valuesWidth + place * (panelWidth + gap),
  }))
  return draw({
    name: 'in-flight',
    title: 'Calls per second against calls in flight',
    subtitle: `${grouped(units)} units; higher is faster`,
    caption,
    width: 40 + workloads.length * panelWidth + (workloads.length - 1) * gap,
    height: top + panelHeight + 56 + contentBottom,
    option: {
      title: panels.map(({ name, left }) => ({
        text: `${name}, calls per second`,
        left,
        top: top - 26,
        padding: 0,
        textStyle: { color: ink, fontSize: 13, fontWeight: 600, ...fonts },
      })),
      legend: {
        top: contentTop + 4,
        left: 20,
        itemGap: 26,
        data: names,
        textStyle: { color: ink, fontSize: 12, ...fonts },
      },
      grid: panels.map(({ left }) => ({
        left,
        top,
        width: panelWidth - valuesWidth,
        height: panelHeight,
      })),
      xAxis: panels.map(({ contenders }, gridIndex) => ({
        ...axisStyle,
        gridIndex,
        type: 'category',
        boundaryGap: false,
        name: 'calls in flight',
        nameLocation: 'middle',
        nameGap: 30,
        data: [
          ...new Set(contenders.flatMap(({ points }) => points.map(({ inFlight }) => inFlight))),
        ]
          .sort((one, other) => one - other)
          .map(String),
      })),
      yAxis: panels.map((_, gridIndex) => ({
        ...axisStyle,
        gridIndex,
        type: 'value',
        min: 0,
        axisLabel: { ...axisStyle.axisLabel, formatter: abbreviated },
      })),
      series: panels.flatMap(({ contenders }, place) =>
        contenders.map(({ name, points }) => {
          const stands = name === names[0]
          const color = colourOf(name)
          return {
            name,
            type: 'line' as const,
            xAxisIndex: place,
            yAxisIndex: place,
            data: points.map(({ inFlight, perSecond }) => [String(inFlight), perSecond]),
            symbol: 'circle',
            symbolSize: stands ? 8 : 6,
            color,
            lineStyle: { color, width: stands ? 3.5 : 1.8 },
            z: stands ? 3 : 2,
          }
        }),
      ),
    },
  })
}
