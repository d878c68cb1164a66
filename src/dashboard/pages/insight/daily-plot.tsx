import { useEffect, useRef } from 'preact/hooks'
import UPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import type { Series } from './insight-page.tsx'

const height = 180

interface DailyPlotProps {
  title: string
  days: readonly string[]
  series: readonly Series[]
}

/** Lines over days, in the colours of the page; drawn again when those or the width change. */
export default function DailyPlot({ title, days, series }: DailyPlotProps) {
  const host = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const element = host.current
    if (element === null) return
    let plot: UPlot | undefined
    const draw = () => {
      plot?.destroy()
      plot = new UPlot(optionsOf(element, series), dataOf(days, series), element)
    }
    draw()
    const width = new ResizeObserver(() =>
      plot?.setSize({ width: Math.max(200, element.clientWidth), height }),
    )
    width.observe(element)
    const scheme = matchMedia('(prefers-color-scheme: dark)')
    // In the next frame, whose styles are the new scheme's.
    let frame = 0
    const drawSoon = () => {
      frame = requestAnimationFrame(draw)
    }
    scheme.addEventListener('change', drawSoon)
    return () => {
      scheme.removeEventListener('change', drawSoon)
      cancelAnimationFrame(frame)
      width.disconnect()
      plot?.destroy()
    }
  }, [days, series])
  const sums = series.map(
    ({ name, values }) => `${values.reduce((sum, value) => sum + value, 0)} ${name.toLowerCase()}`,
  )
  const words = `${title}, ${days[0]} to ${days.at(-1)}: ${sums.join(', ')} in all`
  return <div ref={host} class="plot" role="img" aria-label={words} />
}

function optionsOf(element: HTMLElement, series: readonly Series[]): UPlot.Options {
  const text = colour(element, '--text-quiet')
  const line = colour(element, '--line')
  const font = `12px ${getComputedStyle(element).fontFamily}`
  const axis = { stroke: text, font, grid: { stroke: line, width: 1 }, ticks: { show: false } }
  return {
    width: Math.max(200, element.clientWidth),
    height,
    tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1_000), 'UTC'),
    cursor: { y: false },
    legend: { live: true },
    scales: { y: { range: (_plot, _least, most) => [0, Math.max(most, 1) * 1.05] } },
    axes: [
      { ...axis, grid: { show: false }, values: '{D} {MMM}', space: 64 },
      { ...axis, size: 48, values: (_plot, values) => values.map(countOf) },
    ],
    series: [
      { label: 'Day', value: '{YYYY}-{MM}-{DD}' },
      ...series.map(({ name, tone }, at) => ({
        label: name,
        stroke: colour(element, `--${tone}`),
        width: 2,
        // Told apart without colour, too.
        ...(at > 0 && { dash: [5, 4] }),
        points: { show: false },
      })),
    ],
  }
}

function dataOf(days: readonly string[], series: readonly Series[]): UPlot.AlignedData {
  const times = days.map((day) => Date.parse(day) / 1_000)
  return [times, ...series.map(({ values }) => [...values])]
}

/** A custom property as a colour that a canvas understands: light-dark() is resolved on an element only. */
function colour(element: HTMLElement, property: string): string {
  const probe = document.createElement('span')
  probe.style.color = `var(${property})`
  element.append(probe)
  const resolved = getComputedStyle(probe).color
  probe.remove()
  return resolved
}

function countOf(value: number): string {
  return Number.isInteger(value) ? value.toLocaleString('en-GB') : ''
}
