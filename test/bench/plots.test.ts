import { describe, expect, test } from 'vitest'
import { contenderNames } from '../../bench/contenders.ts'
import { plots } from '../../bench/plots/plots.ts'
import { inventedBench } from './invented-bench.ts'

const svgOf = (name: string, of = plots(inventedBench())) =>
  of.find((plot) => plot.name === name)?.svg ?? ''

describe('the plots', () => {
  test('are the two that the README shows', () => {
    const bench = inventedBench()
    expect(plots(bench).map(({ name }) => name)).toEqual(['throughput', 'growth'])
    expect(plots({ ...bench, comparisons: [] })).toEqual([])
  })

  test('show every contender, workload, line and route', () => {
    const shown: Readonly<Record<string, readonly string[]>> = {
      throughput: [
        ...contenderNames,
        'get',
        'query, rare domains',
        'insert',
        'confirm',
        'statistics',
      ],
      growth: ['10k', '100k', '1M', 'get', 'query, random domains', 'statistics for reviewers'],
    }
    const all = plots(inventedBench())
    for (const [name, words] of Object.entries(shown)) {
      const texts = textsOf(svgOf(name, all))
      for (const word of words)
        expect(
          texts.some((text) => text.includes(word)),
          `${word} in ${name}`,
        ).toBe(true)
    }
  })

  test('say where the figures are from', () => {
    for (const { svg } of plots(inventedBench())) {
      const texts = textsOf(svg)
      expect(texts.some((text) => text.includes('a &lt;cpu&gt; &amp; co, 2 cores'))).toBe(true)
      expect(texts.some((text) => text.includes('2026-11-22'))).toBe(true)
    }
  })

  test('are well-formed, with a background and a size of their own', () => {
    for (const { name, svg } of plots(inventedBench())) {
      expect(unclosed(svg), name).toEqual([])
      expect(svg).toMatch(/^<svg width="\d+" height="\d+" xmlns="http:\/\/www.w3.org\/2000\/svg"/)
      expect(svg).toContain('fill="#ffffff"')
      expect(svg).not.toMatch(/NaN|undefined|Infinity/)
    }
  })

  test('are the same text for the same figures', () => {
    expect(plots(inventedBench())).toEqual(plots(inventedBench()))
  })

  test('grow with their figures', () => {
    const bench = inventedBench()
    const faster = {
      ...bench,
      comparisons: bench.comparisons.map((comparison) => ({
        ...comparison,
        measurements: comparison.measurements.map((measurement) => ({
          ...measurement,
          figures: { ...measurement.figures, perSecond: 123_456 },
        })),
      })),
    }
    expect(textsOf(svgOf('throughput'))).not.toContain('123,456')
    expect(textsOf(svgOf('throughput', plots(faster)))).toContain('123,456')
  })
})

function textsOf(svg: string): string[] {
  return [...svg.matchAll(/<text[^>]*>([^<]*)<\/text>/g)].map(([, text]) => text ?? '')
}

/** Elements left open, and whatever is no XML, as far as a program writes it wrong. */
function unclosed(svg: string): string[] {
  const open: string[] = []
  const tag = /<(?<end>\/?)(?<name>[\w:]+)(?<attributes>(?:\s+[\w:-]+="[^"<]*")*)\s*(?<alone>\/?)>/y
  let at = 0
  while (at < svg.length) {
    tag.lastIndex = at
    const { end, name = '', attributes = '', alone } = tag.exec(svg)?.groups ?? {}
    const text = svg.slice(at).match(/^[^<]+/)?.[0]
    if (text === undefined && name === '') return [...open, svg.slice(at, at + 80)]
    if (/&(?!\w+;|#\d+;)/.test(text ?? attributes)) return [...open, text ?? attributes]
    if (text !== undefined) at += text.length
    else {
      at = tag.lastIndex
      if (end && open.pop() !== name) return [...open, `</${name}>`]
      if (!end && !alone) open.push(name)
    }
  }
  return open
}
