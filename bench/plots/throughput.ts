import { grouped, short } from '../figures.ts'
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
} from './chart.ts'

export interface ThroughputPlotData {
  readonly inFlight: number
  /** Units in the store. */
  readonly units: number
  /** What else has to be known of the contenders. */
  readonly note: string
  /** Topmost first; the first one stands out. */
  readonly contenders: readonly string[]
  readonly workloads: readonly {
    readonly name: string
    /** By contender; one that doesn't take part is absent. */
    readonly perSecond: Readonly<Record<string, number>>
  }[]
}

const width = 1000
const barHeight = 19
/** For the contenders' names, at the left. */
const namesWidth = 178
const gapBetweenColumns = 16
const gapBetweenRows = 40
/** What stands at the end of the longest bar. */
const valueWidth = 54

/**
 * A panel for each workload with an axis of its own, from zero, since a bar on a logarithmic one has a
 * length that says nothing.
 */
export function throughputPlot(data: ThroughputPlotData, caption: string): Plot {
  const { inFlight, units, contenders, workloads, note } = data
  const columns = workloads.length > 6 ? 4 : 3
  const panelWidth = (width - namesWidth - 20 - (columns - 1) * gapBetweenColumns) / columns
  const panelHeight = contenders.length * barHeight
  const rows = Math.ceil(workloads.length / columns)
  const panels = workloads.map((workload, place) => ({
    ...workload,
    isFirstOfRow: place % columns === 0,
    left: namesWidth + (place % columns) * (panelWidth + gapBetweenColumns),
    top: contentTop + 34 + Math.floor(place / columns) * (panelHeight + gapBetweenRows),
  }))
  return draw({
    name: 'throughput',
    title: `Calls per second, ${inFlight} in flight`,
    subtitle: `${grouped(units)} units; ${note}; longer is faster; each panel has a scale of its own, from zero`,
    caption,
    width,
    height: contentTop + 34 + rows * panelHeight + (rows - 1) * gapBetweenRows + contentBottom,
    option: {
      title: panels.map(({ name, left, top }) => ({
        text: name,
        left,
        top: top - 21,
        padding: 0,
        textStyle: { color: ink, fontSize: 13, fontWeight: 600, ...fonts },
      })),
      grid: panels.map(({ left, top }) => ({
        left,
        top,
        width: panelWidth - valueWidth,
        height: panelHeight,
      })),
      xAxis: panels.map(({ perSecond }, gridIndex) => ({
        gridIndex,
        type: 'value',
        show: false,
        min: 0,
        max: Math.max(...Object.values(perSecond)),
      })),
      yAxis: panels.map(({ isFirstOfRow }, gridIndex) => ({
        gridIndex,
        type: 'category',
        inverse: true,
        data: [...contenders],
        axisLine: axisStyle.axisLine,
        axisTick: { show: false },
        axisLabel: {
          show: isFirstOfRow,
          color: ink,
          fontSize: 12,
          ...fonts,
          formatter: (name: string) => (name === contenders[0] ? `{own|${name}}` : name),
          rich: { own: { color: palette.blue, fontWeight: 700, fontSize: 12, ...fonts } },
        },
      })),
      series: panels.map(({ name, perSecond }, place) => ({
        name,
        type: 'bar',
        xAxisIndex: place,
        yAxisIndex: place,
        barWidth: barHeight - 5,
        data: contenders.map((contender, index) => ({
          // As ECharts spells what is not there.
          value: perSecond[contender] ?? '-',
          itemStyle: { color: index === 0 ? palette.blue : background },
        })),
        label: {
          show: true,
          position: 'right',
          distance: 4,
          color: ink,
          fontSize: 11.5,
          ...fonts,
          formatter: ({ value }) => shortest(Number(value)),
        },
      })),
    },
  })
}

/** Whole numbers, where that says enough. */
function shortest(perSecond: number): string {
  return perSecond >= 10 ? grouped(perSecond) : short(perSecond)
}
