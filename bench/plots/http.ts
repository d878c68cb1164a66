import { grouped } from '../figures.ts'
import type { RouteFigures } from '../http/http-bench.ts'
import {
  axisStyle,
  background,
  contentBottom,
  contentTop,
  draw,
  fonts,
  ink,
  type Plot,
  palette,
  roundTime,
} from './chart.ts'

export interface HttpPlotData {
  readonly units: number
  readonly connections: number
  /** Topmost first. */
  readonly routes: readonly RouteFigures[]
}

const width = 960
const rowHeight = 23
const namesWidth = 370
/** What stands at the end of the longest bar. */
const valueWidth = 70

const routeAxis = (routes: readonly RouteFigures[]) => ({
  type: 'category' as const,
  inverse: true,
  data: routes.map(({ route }) => route.replace(/^GET /, '')),
  axisLine: axisStyle.axisLine,
  axisTick: { show: false },
  axisLabel: { ...axisStyle.axisLabel, interval: 0 },
})

const about = ({ units, connections }: HttpPlotData) =>
  `${grouped(units)} units, ${connections} connections, from another process on the same machine`

/** How many requests each route answers per second. */
export function httpThroughputPlot(data: HttpPlotData, caption: string): Plot {
  const { routes } = data
  return draw({
    name: 'http-throughput',
    title: 'HTTP requests per second, by route',
    subtitle: about(data),
    caption,
    width,
    height: contentTop + 14 + routes.length * rowHeight + contentBottom,
    option: {
      grid: {
        left: namesWidth,
        right: valueWidth,
        top: contentTop + 10,
        height: routes.length * rowHeight,
      },
      xAxis: { type: 'value', show: false, min: 0, max: 'dataMax' },
      yAxis: routeAxis(routes),
      series: {
        name: 'requests per second',
        type: 'bar',
        barWidth: rowHeight - 7,
        data: routes.map(({ figures }, place) => ({
          value: figures.perSecond,
          // The first one is what the others are compared with.
          itemStyle: { color: place === 0 ? background : palette.blue },
        })),
        label: {
          show: true,
          position: 'right',
          color: ink,
          fontSize: 11.5,
          ...fonts,
          formatter: ({ value }) => grouped(Number(value)),
        },
      },
    },
  })
}

const percentiles = [
  { name: 'p50', colour: palette.blue, symbol: 'circle' },
  { name: 'p99', colour: palette.orange, symbol: 'diamond' },
  { name: 'p999', colour: palette.red, symbol: 'triangle' },
] as const

/** How long answers take: half of them, all but one in a hundred, all but one in a thousand. */
export function httpLatencyPlot(data: HttpPlotData, caption: string): Plot {
  const { routes } = data
  const all = routes.flatMap(({ figures }) => percentiles.map(({ name }) => figures.latency[name]))
  return draw({
    name: 'http-latency',
    title: 'HTTP latency, by route',
    subtitle: `${about(data)}; every connection asks again as soon as it is answered; logarithmic`,
    caption,
    width,
    height: contentTop + 60 + routes.length * rowHeight + contentBottom,
    option: {
      legend: {
        top: contentTop,
        left: namesWidth,
        textStyle: { color: ink, fontSize: 12, ...fonts },
      },
      grid: {
        left: namesWidth,
        right: 40,
        top: contentTop + 30,
        height: routes.length * rowHeight,
      },
      xAxis: {
        ...axisStyle,
        type: 'log',
        min: 10 ** Math.floor(Math.log10(Math.min(...all))),
        max: 10 ** Math.ceil(Math.log10(Math.max(...all))),
        axisLabel: { ...axisStyle.axisLabel, formatter: roundTime },
      },
      yAxis: { ...routeAxis(routes), splitLine: axisStyle.splitLine },
      series: percentiles.map(({ name, colour, symbol }) => ({
        name: name === 'p999' ? 'p99.9' : name,
        type: 'scatter',
        symbol,
        symbolSize: 10,
        color: colour,
        data: routes.map(({ figures }, place) => [figures.latency[name], place]),
      })),
    },
  })
}
