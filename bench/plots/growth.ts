import { spokenTime } from '../figures.ts'
import {
  abbreviated,
  axisStyle,
  contentBottom,
  contentTop,
  draw,
  fonts,
  type Plot,
  palette,
  paper,
  roundTime,
} from './chart.ts'

export interface GrowthPlotData {
  /** Lines, in the order in which their names are to be read where they meet. */
  readonly lines: readonly {
    readonly name: string
    /** What this is compared with: drawn dashed. */
    readonly isBaseline: boolean
    readonly points: readonly { readonly units: number; readonly microseconds: number }[]
  }[]
}

const width = 960
const height = 520
/** For the lines' names, which stand at their ends. */
const namesWidth = 300

const baselineColours = [palette.black, palette.grey]
const { blue, green, purple, red, orange, sky, violet } = palette
const colours = [blue, green, purple, red, orange, sky, violet]

/** Latency of one call against the size of the store, both axes logarithmic: flat is as good as it gets. */
export function growthPlot({ lines }: GrowthPlotData, caption: string): Plot {
  const colourOf = new Map(
    [true, false].flatMap((isBaseline) =>
      lines
        .filter((line) => line.isBaseline === isBaseline)
        .map((line, place) => {
          const from = isBaseline ? baselineColours : colours
          return [line, from[place % from.length] ?? palette.grey] as const
        }),
    ),
  )
  const sizes = lines.flatMap(({ points }) => points.map(({ units }) => units))
  const times = lines.flatMap(({ points }) => points.map(({ microseconds }) => microseconds))
  const [least, most] = [Math.min(...times), Math.max(...times)]
  return draw({
    name: 'growth',
    title: 'How long a call takes as the store grows',
    subtitle:
      'median latency, one call at a time; solid: SqliteStore; dashed: better-sqlite3 on the main thread, reading and scoring whatever matches',
    caption,
    width,
    height,
    option: {
      grid: { left: 78, right: namesWidth, top: contentTop + 30, bottom: contentBottom + 50 },
      xAxis: {
        ...axisStyle,
        type: 'log',
        name: 'units in the store',
        nameLocation: 'middle',
        nameGap: 30,
        min: Math.min(...sizes),
        max: Math.max(...sizes),
        axisLabel: { ...axisStyle.axisLabel, formatter: abbreviated },
      },
      yAxis: {
        ...axisStyle,
        type: 'log',
        name: 'latency',
        nameLocation: 'end',
        nameTextStyle: { ...axisStyle.nameTextStyle, align: 'right' },
        // Room below the lowest line, since names move apart downwards.
        min: 10 ** Math.floor(Math.log10(least / 3)),
        max: 10 ** Math.ceil(Math.log10(most)),
        axisLabel: { ...axisStyle.axisLabel, formatter: roundTime },
      },
      series: lines.map((line) => {
        const { name, points, isBaseline } = line
        const color = colourOf.get(line) ?? palette.grey
        const label = {
          show: true,
          color,
          fontSize: 12,
          lineHeight: 16,
          ...fonts,
          // Where a line crosses it, it stays readable.
          textBorderColor: paper,
          textBorderWidth: 3,
          formatter: ({ value }: { value?: unknown }) =>
            `${spokenTime((value as number[])[1] ?? 0)}  ${name}`,
        }
        return {
          name,
          type: 'line' as const,
          data: points.map(({ units, microseconds }, place) => ({
            value: [units, microseconds],
            ...(isBaseline && place === points.length - 1 && { label: { show: true } }),
          })),
          symbol: 'circle',
          symbolSize: 7,
          color,
          lineStyle: {
            color,
            width: 2.5,
            type: isBaseline ? ('dashed' as const) : ('solid' as const),
          },
          // The other lines' names stand at the right, where these end earlier and would be crossed.
          ...(isBaseline
            ? { label: { ...label, show: false, position: 'left' as const, offset: [0, -9] } }
            : {
                endLabel: { ...label, distance: 10 },
                labelLayout: { moveOverlap: 'shiftY' as const },
              }),
        }
      }),
    },
  })
}
