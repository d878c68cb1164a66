/** Where a text stops being JSON and what was expected there, in the words of cq's reference server. */
export interface JsonFault {
  readonly position: number
  readonly message: string
}

const value = 'Expecting value'
const name = 'Expecting property name enclosed in double quotes'

const space = /[ \t\n\r]*/y
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y
const plainText = /[ !#-[\]-\uffff]*/y
const escaped = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y

/**
 * Finds the fault of a text that `JSON.parse` refuses, which does not always say where. It keeps a stack of its
 * own, so that deep nesting does not overflow.
 */
export function findJsonFault(text: string): JsonFault {
  const open: ('{' | '[')[] = []
  let at = 0
  let expected: 'value' | 'first value' | 'name' | 'first name' | 'separator' = 'value'

  // Checked at every position, where there mostly is none.
  const skipSpace = () => {
    if (text.charCodeAt(at) <= 0x20) skip(space)
  }
  const skip = (pattern: RegExp): number => {
    pattern.lastIndex = at
    const { length } = pattern.exec(text)?.[0] ?? ''
    at += length
    return length
  }
  const readText = (): JsonFault | undefined => {
    const start = at++
    for (;;) {
      skip(plainText)
      if (text[at] === '"') {
        at++
        return undefined
      }
      if (at >= text.length) return { position: start, message: 'Unterminated string starting at' }
      if (text[at] !== '\\') return { position: at, message: 'Invalid control character at' }
      if (skip(escaped) === 0) return { position: at, message: 'Invalid \\escape' }
    }
  }

  for (;;) {
    skipSpace()
    const next = text[at]
    if (expected === 'separator') {
      const inside = open.at(-1)
      if (inside === undefined) return { position: at, message: 'Extra data' }
      if (next === (inside === '{' ? '}' : ']')) {
        open.pop()
        at++
      } else if (next === ',') {
        at++
        expected = inside === '{' ? 'name' : 'value'
      } else return { position: at, message: "Expecting ',' delimiter" }
    } else if (expected === 'name' || expected === 'first name') {
      if (next === '}' && expected === 'first name') {
        open.pop()
        at++
        expected = 'separator'
        continue
      }
      if (next !== '"') return { position: at, message: name }
      const fault = readText()
      if (fault) return fault
      skipSpace()
      if (text[at] !== ':') return { position: at, message: "Expecting ':' delimiter" }
      at++
      expected = 'value'
    } else if (next === ']' && expected === 'first value') {
      open.pop()
      at++
      expected = 'separator'
    } else if (next === '{' || next === '[') {
      open.push(next)
      at++
      expected = next === '{' ? 'first name' : 'first value'
    } else if (next === '"') {
      const fault = readText()
      if (fault) return fault
      expected = 'separator'
    } else if (skip(scalar) > 0) expected = 'separator'
    else return { position: at, message: value }
  }
}
