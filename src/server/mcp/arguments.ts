import type { JSONSchema } from 'json-schema-to-ts'
import { quoted } from '../../knowledge/validation.ts'
import type { Fault, HttpError } from '../errors.ts'
import { compileValidator } from '../validation.ts'

/** What is wrong with a call of a tool, for the model that called it. */
export class ToolError extends Error {
  override readonly name = 'ToolError'
}

export type Arguments = Readonly<Record<string, unknown>>

/** The arguments that a tool knows, without those that are null: models send null for what they leave out. */
export function given(input: Arguments, known: object = {}): Arguments {
  return Object.fromEntries(
    Object.entries(input).filter(([name, value]) => value !== null && Object.hasOwn(known, name)),
  )
}

/**
 * A check of what REST takes as a body, whose faults are told by the names of arguments.
 * @throws {ToolError} by the check
 */
export function checkerOf<Value>(schema: JSONSchema): (input: unknown) => Value {
  const check = compileValidator({ schema, method: 'POST', url: '/mcp', httpPart: 'body' } as never)
  return (input) => {
    const { value, error } = check(input) as { value?: Value; error?: HttpError }
    if (error) throw new ToolError((error.detail as readonly Fault[]).map(inWords).join('; '))
    return value as Value
  }
}

/** Objects of REST's bodies that are no arguments: what they hold is. */
const wrappers = ['insight', 'context']

/** A fault in the words of cq's own MCP server, where it has any, and otherwise in REST's. */
function inWords({ loc, type, msg }: Fault): string {
  const [first, ...path] = loc.slice(1)
  const steps = wrappers.includes(String(first)) ? path : [first, ...path]
  const name = steps
    .map((step, index) => (typeof step === 'number' ? `[${step}]` : `${index ? '.' : ''}${step}`))
    .join('')
  if (name === 'domains' && (type === 'missing' || type === 'too_short'))
    return 'domains must contain at least one tag'
  if (type === 'missing') return `${name} is required`
  // These name the field already.
  if (type === 'value_error') return msg.replace(/^Value error, /, '')
  return `${name}: ${msg}`
}

/** A reason to flag a unit, in any case and with spaces around it. @throws {ToolError} */
export function reasonIn(value: unknown, reasons: readonly string[]): string {
  if (value === undefined) throw new ToolError('reason is required')
  const reason = typeof value === 'string' ? value.trim().toLowerCase() : undefined
  if (reason !== undefined && reasons.includes(reason)) return reason
  const shown =
    typeof value === 'string' ? quoted(value).replace(/^"|"(?=…?$)/g, '') : quoted(value)
  throw new ToolError(`invalid reason '${shown}': must be one of: ${reasons.join(', ')}`)
}
