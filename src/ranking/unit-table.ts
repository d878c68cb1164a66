import { withRoomFor } from './columns.ts'

/** Terms are kept in slots whose lengths are multiples of this, so that a free slot fits others. */
const roomStep = 4

/** The columns, each with a value for every place. */
const columns = [
  'confidence',
  'domains',
  'terms',
  'firstTerm',
  'tier',
  'created',
  'flags',
  'confirmations',
  'confirmed',
  'met',
] as const

/** What ranking needs of each unit, in columns by the unit's place. */
export class UnitTable {
  confidence: Float64Array<ArrayBuffer> = new Float64Array(0)
  /** How many domains it has. */
  domains: Uint32Array<ArrayBuffer> = new Uint32Array(0)
  /** How many terms it has, including domains; 0 if the place is free. */
  terms: Uint32Array<ArrayBuffer> = new Uint32Array(0)
  /** Where its terms start in `pool`, domains first. */
  firstTerm: Uint32Array<ArrayBuffer> = new Uint32Array(0)
  tier: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  /** When it was created, as a number that increases with time. */
  created: Float64Array<ArrayBuffer> = new Float64Array(0)
  /** How many flags it has; more than 255 count as 255. */
  flags: Uint8Array<ArrayBuffer> = new Uint8Array(0)
  confirmations: Uint32Array<ArrayBuffer> = new Uint32Array(0)
  /** When it was last confirmed, likewise. */
  confirmed: Float64Array<ArrayBuffer> = new Float64Array(0)
  /** The last search that met it. */
  met: Uint32Array<ArrayBuffer> = new Uint32Array(0)
  /** Numbers of terms. */
  pool: Uint32Array<ArrayBuffer> = new Uint32Array(0)
  #poolEnd = 0
  /** Free slots in the pool, by their length. */
  readonly #freeRooms = new Map<number, number[]>()

  get bytes(): number {
    let bytes = 0
    for (const column of [...columns, 'pool'] as const) bytes += this[column].byteLength
    for (const rooms of this.#freeRooms.values()) bytes += 8 * rooms.length
    return bytes
  }

  /** Fills a free place. `terms` are numbers of terms, domains first. */
  fill(place: number, unit: FilledUnit): void {
    const { confidence, created, tier, flags, confirmations, confirmed, domains, terms } = unit
    this.#growTo(place + 1)
    this.confidence[place] = confidence
    this.created[place] = created
    this.tier[place] = tier
    this.flags[place] = Math.min(flags, 255)
    this.confirmations[place] = confirmations
    this.confirmed[place] = confirmed
    this.domains[place] = domains
    this.terms[place] = terms.length
    const first = this.#takeRoom(roomFor(terms.length))
    this.firstTerm[place] = first
    this.pool.set(terms, first)
  }

  clear(place: number): void {
    const length = roomFor(this.terms[place] as number)
    const rooms = this.#freeRooms.get(length)
    if (rooms) rooms.push(this.firstTerm[place] as number)
    else this.#freeRooms.set(length, [this.firstTerm[place] as number])
    this.terms[place] = 0
  }

  /** The numbers of a unit's terms, domains first. */
  termsOf(place: number): Uint32Array {
    const first = this.firstTerm[place] as number
    return this.pool.subarray(first, first + (this.terms[place] as number))
  }

  #takeRoom(length: number): number {
    const free = this.#freeRooms.get(length)?.pop()
    if (free !== undefined) return free
    const first = this.#poolEnd
    this.#poolEnd += length
    this.pool = withRoomFor(this.pool, this.#poolEnd)
    return first
  }

  #growTo(places: number): void {
    this.confidence = withRoomFor(this.confidence, places)
    this.domains = withRoomFor(this.domains, places)
    this.terms = withRoomFor(this.terms, places)
    this.firstTerm = withRoomFor(this.firstTerm, places)
    this.tier = withRoomFor(this.tier, places)
    this.created = withRoomFor(this.created, places)
    this.flags = withRoomFor(this.flags, places)
    this.confirmations = withRoomFor(this.confirmations, places)
    this.confirmed = withRoomFor(this.confirmed, places)
    this.met = withRoomFor(this.met, places)
  }
}

interface FilledUnit {
  readonly confidence: number
  readonly created: number
  readonly tier: number
  readonly flags: number
  readonly confirmations: number
  readonly confirmed: number
  readonly domains: number
  readonly terms: readonly number[]
}

function roomFor(terms: number): number {
  return Math.ceil(terms / roomStep) * roomStep
}
