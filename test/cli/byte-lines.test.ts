import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ByteLine, byteLines, LineTooLong } from '../../src/cli/byte-lines.ts'

async function* chunks(parts: readonly Uint8Array[]): AsyncGenerator<Buffer> {
  for (const part of parts) yield Buffer.from(part)
}

async function collect(parts: readonly Uint8Array[], longest = 1_000): Promise<ByteLine[]> {
  const lines: ByteLine[] = []
  for await (const line of byteLines(chunks(parts), longest)) lines.push(line)
  return lines
}

test('lines are the same however the bytes arrive', async () => {
  const part = fc.uint8Array({ maxLength: 8, max: 12 })
  await fc.assert(
    fc.asyncProperty(fc.array(part), async (parts) => {
      const whole = Buffer.concat(parts)
      const expected = whole.toString('latin1').split('\n')
      if (expected.at(-1) === '') expected.pop()
      const found = await collect(parts)
      expect(found.map(({ bytes }) => bytes.toString('latin1'))).toEqual(expected)
      expect(found.map(({ number }) => number)).toEqual(expected.map((_, index) => index + 1))
      expect(found.at(-1)?.end ?? 0).toBe(whole.length)
    }),
  )
})

test('a line that is too long ends the reading, and is named', async () => {
  const parts = [Buffer.from('ab\nab'), Buffer.from('c'), Buffer.from('d\n')]
  await expect(collect(parts, 2)).rejects.toThrow(LineTooLong)
  await expect(collect(parts, 2)).rejects.toMatchObject({ line: 2 })
  expect(await collect(parts, 4)).toHaveLength(2)
})
