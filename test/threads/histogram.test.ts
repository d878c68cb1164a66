import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Histogram } from '../../src/threads/histogram.ts'

test('a histogram counts each value in every bucket that it fits', () => {
  const bounds = [1, 2, 5]
  fc.assert(
    fc.property(fc.array(fc.nat(10)), (values) => {
      const histogram = new Histogram(bounds)
      for (const value of values) histogram.add(value)
      expect(histogram.figures).toEqual({
        count: values.length,
        sum: values.reduce((sum, value) => sum + value, 0),
        buckets: bounds.map((atMost) => ({
          atMost,
          count: values.filter((value) => value <= atMost).length,
        })),
      })
    }),
  )
})
