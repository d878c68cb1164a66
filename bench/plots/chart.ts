import * as echarts from 'echarts'

/** A picture for a page, as text that is the same for the same figures. */
export interface Plot {
  /** What its file is called, without the ending. */
  readonly name: string
  /** What it shows, for whoever can't see it. */
  readonly title: string
  readonly svg: string
}

export interface Chart {
  readonly name: string
  readonly title: string
  /** What has to be known to read it, in a line below the title. */
  readonly subtitle: string
  /** Machine and date, at the bottom. */
  readonly caption: string
  readonly width: number
  readonly height: number
  readonly option: echarts.EChartsOption
}

/** Colours that can be told apart by those who don't see all of them, dark enough for text. */
export const palette = {
  blue: '#0065a3',
  orange: '#a86400',
  green: '#00795a',
  red: '#c44601',
  purple: '#98437a',
  sky: '#2c86b8',
  violet: '#5a4fb0',
  black: '#333333',
  grey: '#6b7580',
} as const

/** For what is only there to compare with. */
export const background = '#a8b3bf'
export const ink = '#24292f'
export const faintInk = '#57606a'
const lines = '#d8dee4'
/** Their own background, so that they are readable on dark pages, too. */
export const paper = '#ffffff'
const margin = 20

/** Where a title with its subtitle ends, and where the caption begins, from the bottom. */
export const contentTop = 70
export const contentBottom = 44

/** No name with quotation marks: ECharts writes them into an attribute as they are. */
export const fonts = { fontFamily: 'Helvetica, Arial, sans-serif' }
/** What axes have in common. */
export const axisStyle = {
  axisLabel: { color: ink, fontSize: 12, ...fonts },
  nameTextStyle: { color: faintInk, fontSize: 12, ...fonts },
  axisLine: { show: true, lineStyle: { color: faintInk } },
  axisTick: { show: false },
  splitLine: { show: true, lineStyle: { color: lines } },
  minorSplitLine: { show: false },
} as const

export function draw({ name, title, subtitle, caption, width, height, option }: Chart): Plot {
  const { title: others = [], ...rest } = option
  const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height })
  try {
    chart.setOption({
      animation: false,
      backgroundColor: paper,
      textStyle: { color: ink, ...fonts },
      title: [
        {
          text: title,
          subtext: subtitle,
          left: margin,
          top: 18,
          padding: 0,
          itemGap: 7,
          textStyle: { color: ink, fontSize: 17, fontWeight: 600, ...fonts },
          subtextStyle: { color: faintInk, fontSize: 12.5, ...fonts },
        },
        {
          subtext: caption,
          left: margin,
          bottom: 6,
          padding: 0,
          subtextStyle: { color: faintInk, fontSize: 11, ...fonts },
        },
        ...[others].flat(),
      ],
      ...rest,
    })
    return { name, title, svg: still(chart.renderToSVGString(), name) }
  } finally {
    chart.dispose()
  }
}

/**
 * Without what pictures can't do anyway, answering to a pointer, and with names of its own: ECharts counts
 * them on from chart to chart, so that a picture would depend on those drawn before.
 */
function still(svg: string, name: string): string {
  return svg
    .replace(/<style >[\s\S]*?<\/style>\n?/g, '')
    .replace(/ (?:class|pointer-events|ecmeta_\w+)="[^"]*"/g, '')
    .replace(/\bzr\d+-/g, `${name}-`)
}

/** 10,000 as 10k and a million as 1M, for axes. */
export function abbreviated(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`
  if (value >= 1e3) return `${Number((value / 1e3).toPrecision(3))}k`
  return String(Number(value.toPrecision(3)))
}

/** A power of ten of microseconds, for axes. */
export function roundTime(microseconds: number): string {
  if (microseconds >= 1e6) return `${microseconds / 1e6} s`
  if (microseconds >= 1e3) return `${microseconds / 1e3} ms`
  return `${microseconds} µs`
}
