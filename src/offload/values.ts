import { OffloadError } from '../threads/errors.ts'

/** Values for another thread. */
export interface Packed {
  readonly values: unknown[]
  /** The Buffers among them, which structured cloning makes Uint8Arrays of. */
  readonly buffers: Uint8Array[] | undefined
  /** How much text and data they hold, in characters and bytes. */
  readonly weight: number
}

/** Deeper values are left to structured cloning. */
const mostDepth = 16

/** Thrown by `Copier` for what only structured cloning can copy. */
const odd = Symbol('odd')

/**
 * Copies a call's arguments, so that the caller may change them as soon as it has made the call.
 * @throws {OffloadError} `invalid` for what cannot be sent to another thread, such as a function
 */
export function pack(operation: string, args: readonly unknown[]): Packed {
  const copier = new Copier()
  const values: unknown[] = []
  for (const [index, arg] of args.entries())
    try {
      values.push(copier.copy(arg, 0))
    } catch (error) {
      const what = `argument ${index + 1} of ${operation}`
      if (error !== odd) throw unsendable(what, error)
      values.push(cloned(what, arg, copier))
    }
  const { buffers, weight } = copier
  return { values, buffers: buffers.length > 0 ? buffers : undefined, weight }
}

/** Makes Buffers of what were Buffers before they were cloned: the same objects as are among the values. */
export function restoreBuffers(buffers: readonly Uint8Array[] | undefined): void {
  for (const buffer of buffers ?? []) Object.setPrototypeOf(buffer, Buffer.prototype)
}

/** Copies plain values, and weighs them. */
class Copier {
  readonly buffers: Uint8Array[] = []
  weight = 0

  copy(value: unknown, depth: number): unknown {
    switch (typeof value) {
      case 'string':
        this.weight += value.length
        return value
      case 'object':
        return value === null ? null : this.#copyObject(value, depth)
      case 'function':
      case 'symbol':
        throw odd
      default:
        return value
    }
  }

  #copyObject(value: object, depth: number): unknown {
    if (depth > mostDepth) throw odd
    if (Array.isArray(value)) return value.map((item) => this.copy(item, depth + 1))
    const prototype = Object.getPrototypeOf(value) as unknown
    if (prototype === Object.prototype || prototype === null) {
      const copy: Record<string, unknown> = {}
      for (const [name, part] of Object.entries(value)) {
        const copied = this.copy(part, depth + 1)
        if (name === '__proto__') throw odd
        copy[name] = copied
      }
      return copy
    }
    if (Buffer.isBuffer(value)) {
      const copy = new Uint8Array(value)
      this.weight += copy.byteLength
      this.buffers.push(copy)
      return copy
    }
    throw odd
  }
}

function cloned(what: string, value: unknown, copier: Copier): unknown {
  try {
    const found = findBuffers(value)
    const clone = structuredClone({ value, buffers: found.buffers })
    copier.buffers.push(...clone.buffers)
    copier.weight += found.weight
    return clone.value
  } catch (error) {
    throw unsendable(what, error)
  }
}

function unsendable(what: string, error: unknown): OffloadError {
  const why = `${what} can't be sent to another thread: ${(error as Error | undefined)?.message}`
  return new OffloadError('invalid', why, { cause: error })
}

interface Found {
  readonly buffers: Buffer[]
  weight: number
}

/** The Buffers inside a value, whatever refers to whatever, and how much text and data there is. */
function findBuffers(value: unknown, found: Found = { buffers: [], weight: 0 }, seen = new Set()) {
  if (typeof value === 'string') found.weight += value.length
  if (typeof value !== 'object' || value === null || seen.has(value)) return found
  seen.add(value)
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    found.weight += value.byteLength
    if (Buffer.isBuffer(value)) found.buffers.push(value)
    return found
  }
  const parts =
    value instanceof Map
      ? [...value.keys(), ...value.values()]
      : value instanceof Set
        ? value
        : Object.values(value)
  for (const part of parts) findBuffers(part, found, seen)
  return found
}

/**
 * How a result travels: `v` as it is, `j` as JSON text, `b` beside the Buffers in it. Text is several times cheaper
 * than cloning objects.
 */
export type Form = 'v' | 'j' | 'b'

export interface Encoded {
  readonly value: unknown
  readonly form: Form
}

/** @throws {OffloadError} `invalid` for what cannot be sent to another thread */
export function encode(value: unknown): Encoded {
  if (typeof value !== 'object' || value === null) {
    if (typeof value === 'function' || typeof value === 'symbol')
      throw new OffloadError('invalid', `a ${typeof value} can't be sent to another thread`)
    return { value, form: 'v' }
  }
  if (isJson(value, 0)) return { value: JSON.stringify(value), form: 'j' }
  // Cloned here, so that a value that cannot be cloned fails its own call only.
  const copier = new Copier()
  const clone = cloned('the result', value, copier)
  return copier.buffers.length > 0
    ? { value: { value: clone, buffers: copier.buffers }, form: 'b' }
    : { value: clone, form: 'v' }
}

export function decode(value: unknown, form: string): unknown {
  if (form === 'j') return JSON.parse(value as string)
  if (form !== 'b') return value
  const packed = value as { readonly value: unknown; readonly buffers: Uint8Array[] }
  restoreBuffers(packed.buffers)
  return packed.value
}

/** Whether a value is the same once it was JSON. */
function isJson(value: unknown, depth: number): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0)
    case 'object':
      return value === null || isJsonObject(value, depth)
    default:
      return false
  }
}

function isJsonObject(value: object, depth: number): boolean {
  if (depth > mostDepth) return false
  if (Array.isArray(value)) {
    // By index, so that holes are seen.
    for (let index = 0; index < value.length; index++)
      if (!isJson(value[index], depth + 1)) return false
    return true
  }
  const prototype = Object.getPrototypeOf(value) as unknown
  if (prototype !== Object.prototype && prototype !== null) return false
  for (const name in value) {
    const part = value[name as keyof typeof value] as unknown
    if (name === 'toJSON' || !isJson(part, depth + 1)) return false
  }
  return true
}
