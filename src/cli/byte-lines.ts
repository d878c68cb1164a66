const lineFeed = 0x0a

/** A line of a byte stream, without its end. */
export interface ByteLine {
  /** From 1. */
  readonly number: number
  readonly bytes: Buffer
  /** How many bytes of the stream end with it. */
  readonly end: number
}

/** Thrown if a stream has no lines, or much too long ones. */
export class LineTooLong extends Error {
  override readonly name = 'LineTooLong'
  readonly line: number

  constructor(line: number, longest: number) {
    super(`it is longer than ${longest} bytes; nothing from here on was read`)
    this.line = line
  }
}

/**
 * The lines of a stream. Only line feeds end them: JSON may contain U+2028, which Node's own line reader takes
 * for an end.
 * @throws {LineTooLong} at a line longer than `longest` bytes
 */
export async function* byteLines(
  input: AsyncIterable<Buffer>,
  longest: number,
): AsyncGenerator<ByteLine> {
  let number = 1
  let end = 0
  let held: Buffer[] = []
  let heldBytes = 0
  const hold = (part: Buffer) => {
    held.push(part)
    heldBytes += part.length
    if (heldBytes > longest) throw new LineTooLong(number, longest)
  }
  const take = (): ByteLine => {
    const bytes = held.length === 1 ? (held[0] as Buffer) : Buffer.concat(held)
    held = []
    heldBytes = 0
    return { number: number++, bytes, end }
  }
  for await (const chunk of input) {
    let start = 0
    for (;;) {
      const found = chunk.indexOf(lineFeed, start)
      if (found === -1) break
      hold(chunk.subarray(start, found))
      end += found + 1 - start
      yield take()
      start = found + 1
    }
    hold(chunk.subarray(start))
    end += chunk.length - start
  }
  if (heldBytes > 0) yield take()
}
