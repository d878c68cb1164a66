import { StoreError } from '../errors.ts'
import { strip } from '../knowledge/domains.ts'
import { documentToColumn, isTimestamp } from '../knowledge/timestamps.ts'
import { checker, findUnknownName, storableText } from '../knowledge/validation.ts'

/**
 * Checks an array of strings, and copies it: the caller may change it before it is sent, and a proxy cannot be
 * cloned.
 * @throws {StoreError} `invalid`
 */
export function checkTexts(name: string, most: number): (value: unknown) => string[] {
  const items = { type: 'string', pattern: storableText } as const
  const check = checker<string[]>(name, { type: 'array', maxItems: most, items })
  return (value) => [...check(value)]
}

/** The type of options with their defaults filled in. */
type Said<Options> = { [Name in keyof Options]-?: Exclude<Options[Name], undefined> }

/**
 * Checks an options object, which may be absent, and fills in defaults.
 * @param defaults a value for every option
 * @throws {StoreError} `invalid`, also for an unknown option
 */
export function checkOptions<Options extends object>(
  options: Options | undefined,
  defaults: Said<Options>,
): Said<Options> {
  if (options === undefined) return defaults
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw invalid('options', 'an object', options)
  checkNames('options', options, Object.keys(defaults))
  const all = { ...defaults }
  for (const name of Object.keys(defaults) as (keyof Options)[])
    if (options[name] !== undefined) all[name] = options[name] as Said<Options>[keyof Options]
  return all
}

/** Checks that an object has no other properties. @throws {StoreError} `invalid` */
export function checkNames(what: string, given: object, known: readonly string[]): void {
  const wrong = findUnknownName(given, known)
  if (wrong !== undefined) throw new StoreError('invalid', `${what} ${wrong}`)
}

const storable = new RegExp(storableText, 'u')

/** Checks a string that is looked up or stored. @throws {StoreError} `invalid` */
export function checkText(name: string, value: unknown): string {
  if (typeof value !== 'string') throw invalid(name, 'a string', value)
  if (!storable.test(value)) throw invalid(name, 'without NUL and lone surrogates', value)
  return value
}

/** Checks a string that must not be blank. @throws {StoreError} `invalid` */
export function checkFilled(name: string, value: unknown): string {
  if (strip(checkText(name, value)) === '') throw invalid(name, 'not blank', value)
  return value as string
}

/** Checks an integer from `least` to `most`. @throws {StoreError} `invalid` */
export function checkInteger(
  name: string,
  value: unknown,
  least: number,
  most = Number.MAX_SAFE_INTEGER,
): number {
  if (Number.isInteger(value) && (value as number) >= least && (value as number) <= most)
    return value as number
  const kind = least === 1 ? 'a positive integer' : `an integer of at least ${least}`
  throw invalid(name, most < Number.MAX_SAFE_INTEGER ? `${kind}, at most ${most}` : kind, value)
}

/** Checks a number. @throws {StoreError} `invalid` */
export function checkNumber(name: string, value: unknown): number {
  if (typeof value === 'number' && !Number.isNaN(value)) return value
  throw invalid(name, 'a number', value)
}

/** Checks a boolean. @throws {StoreError} `invalid` */
export function checkFlag(name: string, value: unknown): boolean {
  if (typeof value === 'boolean') return value
  throw invalid(name, 'true or false', value)
}

/** Checks a timestamp, and converts it to a column's. @throws {StoreError} `invalid` */
export function checkTimestamp(name: string, value: unknown): string {
  const text = checkText(name, value)
  if (isTimestamp(text)) return documentToColumn(text)
  throw invalid(name, 'an RFC 3339 timestamp', value)
}

/** Checks one of several values. @throws {StoreError} `invalid` */
export function checkOneOf<T extends string>(
  name: string,
  value: unknown,
  values: readonly T[],
): T {
  if (values.includes(value as T)) return value as T
  throw invalid(name, `one of ${values.map((one) => `'${one}'`).join(', ')}`, value)
}

function invalid(name: string, expected: string, value: unknown): StoreError {
  const shown = typeof value === 'string' ? JSON.stringify(value) : String(value)
  return new StoreError('invalid', `${name} must be ${expected}, got ${shown.slice(0, 80)}`)
}
