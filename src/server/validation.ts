import { Ajv, type ErrorObject } from 'ajv'
import type { FastifySchema, FastifyTypeProvider } from 'fastify'
import type { FastifyRouteSchemaDef } from 'fastify/types/schema.js'
import type { FromSchema, JSONSchema } from 'json-schema-to-ts'
import { saysWhatIsWrong, storableText } from '../knowledge/validation.ts'
import { type Fault, HttpError } from './errors.ts'

/** Gives handlers the types that their schemas allow. */
export interface SchemaTypes extends FastifyTypeProvider {
  validator: this['schema'] extends JSONSchema ? FromSchema<this['schema']> : unknown
}

type Schema = Exclude<JSONSchema, boolean>

/** What clients call the parts of a request. */
const parts: Readonly<Record<string, string>> = {
  body: 'body',
  querystring: 'query',
  params: 'path',
  headers: 'header',
}

const ajv = new Ajv({ allErrors: true, allowUnionTypes: true, useDefaults: true, verbose: true })
const sizesAjv = new Ajv({ allErrors: true, strict: false, verbose: true })

/**
 * Turns a route's schema into a check that reports everything that is wrong; but if something is too long or too
 * many, only that, so that a large request cannot cause a large answer.
 */
export function compileValidator({ schema, httpPart }: FastifyRouteSchemaDef<FastifySchema>) {
  const validate = ajv.compile(schema)
  const isOfSize = sizesAjv.compile(sizesIn(schema as Schema) as object)
  const part = parts[httpPart ?? 'body'] ?? 'body'
  return (input: unknown) => {
    if (part === 'body' && (input === undefined || input === null))
      return refusal([
        { type: 'missing', loc: [part], msg: 'Field required', input: input ?? null },
      ])
    const value = part === 'query' ? readQuery(schema as Schema, input) : input
    const check = isOfSize(value) ? validate : isOfSize
    if (check(value)) return { value }
    const found = faults(part, check.errors ?? [])
    return refusal(part === 'query' ? found.map((one) => asSent(one, input)) : found)
  }
}

/** The parts of a schema that limit the number of items and properties. */
function sizesIn({ maxItems, maxProperties, properties }: Schema): Schema {
  const inProperties = Object.entries(properties ?? {}).map(([name, property]) => [
    name,
    typeof property === 'object' ? sizesIn(property) : {},
  ])
  return {
    ...(maxItems !== undefined && { maxItems }),
    ...(maxProperties !== undefined && { maxProperties }),
    ...(properties && { properties: Object.fromEntries(inProperties) }),
  }
}

function refusal(detail: readonly Fault[]) {
  return { error: new HttpError(422, detail) }
}

const wholeNumber = /^\s*[+-]?\d+(\.0+)?\s*$/
const decimalNumber = /^\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*$/i
/** Anything longer is not a number, and is not tried against the patterns. */
const longestNumber = 100

/** A query string as its schema means it: texts become numbers, booleans and lists; of repeated values, the last counts. */
function readQuery(schema: Schema, input: unknown): Record<string, unknown> {
  const raw = input as Record<string, string | string[] | undefined>
  const query: Record<string, unknown> = {}
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const values = raw[name] === undefined ? [] : [raw[name]].flat()
    const last = values.at(-1)
    if (last === undefined) continue
    query[name] = readValue((property as Schema).type, values, last)
  }
  return query
}

function readValue(type: Schema['type'], values: readonly string[], last: string): unknown {
  if (type === 'array') return values
  if (last.length > longestNumber) return last
  if (type === 'integer' && wholeNumber.test(last)) return Number(last)
  if (type === 'boolean' && /^(true|false)$/.test(last)) return last === 'true'
  if (type === 'number' && decimalNumber.test(last)) return Number(last)
  return last
}

/** A fault of a query string, which shows the text that was sent and not what it was parsed to. */
function asSent(fault: Fault, input: unknown): Fault {
  const [, name, index] = fault.loc
  const sent = (input as Record<string, string | string[] | undefined>)[name as string] ?? null
  if (index === undefined) return { ...fault, input: sent }
  return { ...fault, input: [sent].flat()[index as number] }
}

function faults(part: string, errors: readonly ErrorObject[]): Fault[] {
  // Several faults may be about the same value, which may be large.
  const echoes = new Map<unknown, unknown>()
  const echo = (input: unknown) => {
    if (!echoes.has(input)) echoes.set(input, echoOf(input))
    return echoes.get(input)
  }
  return errors.filter(saysWhatIsWrong).map((error) => fault(part, error, echo))
}

function fault(part: string, error: ErrorObject, echo: (input: unknown) => unknown): Fault {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step))
  const loc = [part, ...path]
  if (error.keyword === 'required') loc.push(error.params.missingProperty as string)
  const { type, msg, ctx } = explanation(part, error, fieldName(path))
  const isSecret = loc.at(-1) === 'password' && typeof error.data !== 'object'
  const input = isSecret ? hidden : echo(error.data)
  return { type, loc, msg, input, ...(ctx && { ctx }) }
}

const longestEcho = 16_384
const deepestEcho = 100
const hidden = '**********'

/** What was sent, as far as it can be echoed: no password, and nothing very long or deep. */
function echoOf(input: unknown): unknown {
  if (sizeWithin(longestEcho, input, deepestEcho) < 0) return null
  const text = JSON.stringify(input, (name, value) => (name === 'password' ? hidden : value))
  return JSON.parse(text ?? 'null')
}

/** What is left of a size after a value; negative if it is larger, or nests too deep. */
function sizeWithin(most: number, value: unknown, depth: number): number {
  if (typeof value === 'string') return most - value.length
  if (typeof value !== 'object' || value === null) return most - 1
  let left = depth === 0 ? -1 : most
  for (const name in value) {
    if (left < 0) break
    left = sizeWithin(left - name.length, value[name as keyof typeof value], depth - 1)
  }
  return left
}

function fieldName(path: readonly (string | number)[]): string {
  return String(path.findLast((step) => typeof step === 'string') ?? 'value')
}

type Explanation = Pick<Fault, 'type' | 'msg' | 'ctx'>

function explanation(part: string, error: ErrorObject, field: string): Explanation {
  const { keyword, params, data } = error
  const limit = params.limit as number
  switch (keyword) {
    case 'required':
      return { type: 'missing', msg: 'Field required' }
    case 'type':
      return typeFault(part, error, field)
    case 'enum':
      return enumFault(params.allowedValues as readonly string[])
    case 'exclusiveMinimum':
      return limited('greater_than', `Input should be greater than ${limit}`, { gt: limit })
    case 'minimum':
      return limited('greater_than_equal', `Input should be greater than or equal to ${limit}`, {
        ge: limit,
      })
    case 'maximum':
      return limited('less_than_equal', `Input should be less than or equal to ${limit}`, {
        le: limit,
      })
    case 'minItems':
      return sizeFault('too_short', 'List', 'least', limit, (data as unknown[]).length)
    case 'maxItems':
      return sizeFault('too_long', 'List', 'most', limit, (data as unknown[]).length)
    case 'maxProperties':
      return sizeFault('too_long', 'Dictionary', 'most', limit, Object.keys(data as object).length)
    case 'minLength':
      return limited(
        'string_too_short',
        `String should have at least ${counted(limit, 'character')}`,
        { min_length: limit },
      )
    case 'maxLength':
      return lengthFault(error, field)
    default:
      return valueFault(patternMessage(error, field))
  }
}

function typeFault(part: string, { params, data }: ErrorObject, field: string): Explanation {
  const type = [params.type as string | string[]].flat()[0]
  const isText = part !== 'body' && typeof data === 'string'
  switch (type) {
    case 'integer':
      return isText
        ? {
            type: 'int_parsing',
            msg: 'Input should be a valid integer, unable to parse string as an integer',
          }
        : { type: 'int_type', msg: 'Input should be a valid integer' }
    case 'number':
      return isText
        ? {
            type: 'float_parsing',
            msg: 'Input should be a valid number, unable to parse string as a number',
          }
        : { type: 'float_type', msg: 'Input should be a valid number' }
    case 'boolean':
      return { type: 'bool_type', msg: 'Input should be true or false' }
    case 'array':
      return { type: 'list_type', msg: 'Input should be a valid list' }
    case 'object':
      return field === 'extensions'
        ? { type: 'dict_type', msg: 'Input should be a valid dictionary' }
        : {
            type: 'model_attributes_type',
            msg: 'Input should be a valid dictionary or object to extract fields from',
          }
    default:
      return { type: 'string_type', msg: 'Input should be a valid string' }
  }
}

function enumFault(allowed: readonly string[]): Explanation {
  const quoted = allowed.map((value) => `'${value}'`)
  const expected = [quoted.slice(0, -1).join(', '), quoted.at(-1)].filter(Boolean).join(' or ')
  return limited('enum', `Input should be ${expected}`, { expected })
}

function sizeFault(
  type: string,
  kind: 'List' | 'Dictionary',
  bound: 'least' | 'most',
  limit: number,
  actual: number,
): Explanation {
  return limited(
    type,
    `${kind} should have at ${bound} ${counted(limit, 'item')} after validation, not ${actual}`,
    {
      field_type: kind,
      [bound === 'least' ? 'min_length' : 'max_length']: limit,
      actual_length: actual,
    },
  )
}

/** The reference server says this in two ways: one for texts that must not be empty, one for a unit's. */
function lengthFault({ params, data, parentSchema }: ErrorObject, field: string): Explanation {
  const limit = params.limit as number
  if (parentSchema?.minLength !== undefined)
    return limited('string_too_long', `String should have at most ${counted(limit, 'character')}`, {
      max_length: limit,
    })
  const length = [...(data as string)].length
  return valueFault(`${field} must be at most ${limit} characters, got ${length}`)
}

function patternMessage({ params, propertyName, message }: ErrorObject, field: string): string {
  if (propertyName !== undefined)
    return `extension keys must match namespace:key format, got: ${JSON.stringify(propertyName.slice(0, 64))}`
  if (params.pattern === storableText) return `${field} must hold no NUL and no lone surrogate`
  return `${field} ${message ?? 'is wrong'}`
}

function valueFault(message: string): Explanation {
  return { type: 'value_error', msg: `Value error, ${message}` }
}

function limited(type: string, msg: string, ctx: Readonly<Record<string, unknown>>): Explanation {
  return { type, msg, ctx }
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
