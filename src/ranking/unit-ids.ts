import { withRoomFor } from './columns.ts'

/** An id is `ku_` and 32 hexadecimal digits: 128 bits, kept as four words. */
const wordsOfId = 4
const digitsOfWord = 8
const prefix = 'ku_'

/**
 * The ids of units, each with a place: a small number by which everything else about the unit is found. Places of
 * removed ids are reused. Takes some 24 bytes an id, less than its text alone would.
 */
export class UnitIds {
  /** How many ids there are. */
  size = 0
  #words: Uint32Array<ArrayBuffer> = new Uint32Array(0)
  /**
   * A hash table with open addressing: a place plus one, or 0. Its length is a power of two, at least twice
   * `size`.
   */
  #table: Int32Array<ArrayBuffer> = new Int32Array(16)
  readonly #sought = new Uint32Array(wordsOfId)
  /** Places that were used, and those of them that are free again. */
  #given = 0
  readonly #free: number[] = []

  /** One more than the highest place so far. */
  get places(): number {
    return this.#given
  }

  get bytes(): number {
    return this.#words.byteLength + this.#table.byteLength + 8 * this.#free.length
  }

  placeOf(id: string): number | undefined {
    const slot = this.#slotOf(id)
    const entry = this.#table[slot] as number
    return entry === 0 ? undefined : entry - 1
  }

  /** The place of an id, a new one if it has none yet. */
  add(id: string): number {
    if (2 * (this.size + 1) > this.#table.length) this.#rehash(2 * this.#table.length)
    const slot = this.#slotOf(id)
    const entry = this.#table[slot] as number
    if (entry !== 0) return entry - 1
    const place = this.#free.pop() ?? this.#given++
    this.#words = withRoomFor(this.#words, wordsOfId * this.#given)
    this.#words.set(this.#sought, wordsOfId * place)
    this.#table[slot] = place + 1
    this.size++
    return place
  }

  /** @param keepsPlace whether the place is not reused until `free` is called for it */
  remove(place: number, keepsPlace = false): void {
    const mask = this.#table.length - 1
    let hole = this.#homeOf(place)
    while (this.#table[hole] !== place + 1) hole = (hole + 1) & mask
    // Moves up entries that follow, so that no search ends at the hole before it reaches them.
    for (let slot = (hole + 1) & mask; this.#table[slot] !== 0; slot = (slot + 1) & mask) {
      const home = this.#homeOf((this.#table[slot] as number) - 1)
      if (((slot - home) & mask) < ((slot - hole) & mask)) continue
      this.#table[hole] = this.#table[slot] as number
      hole = slot
    }
    this.#table[hole] = 0
    this.size--
    if (!keepsPlace) this.free(place)
  }

  free(place: number): void {
    this.#free.push(place)
  }

  /** The first 32 bits of an id. */
  firstWordAt(place: number): number {
    return this.#words[wordsOfId * place] as number
  }

  textAt(place: number): string {
    let text = prefix
    for (let word = wordsOfId * place; word < wordsOfId * (place + 1); word++)
      text += (this.#words[word] as number).toString(16).padStart(digitsOfWord, '0')
    return text
  }

  /** Compares two ids, as texts and numbers alike. */
  compare(one: number, other: number): number {
    const words = this.#words
    for (let word = 0; word < wordsOfId; word++) {
      const difference =
        (words[wordsOfId * one + word] as number) - (words[wordsOfId * other + word] as number)
      if (difference !== 0) return difference
    }
    return 0
  }

  /** The slot of an id, or the one that it would get. */
  #slotOf(id: string): number {
    const sought = this.#sought
    let at = prefix.length
    for (let word = 0; word < wordsOfId; word++) {
      let value = 0
      for (const end = at + digitsOfWord; at < end; at++)
        value = (value << 4) | valueOfDigit(id.charCodeAt(at))
      sought[word] = value
    }
    const mask = this.#table.length - 1
    let slot = hash(sought, 0) & mask
    for (;;) {
      const entry = this.#table[slot] as number
      if (entry === 0 || this.#isSought(entry - 1)) return slot
      slot = (slot + 1) & mask
    }
  }

  #isSought(place: number): boolean {
    const sought = this.#sought
    for (let word = 0; word < wordsOfId; word++)
      if (this.#words[wordsOfId * place + word] !== sought[word]) return false
    return true
  }

  #homeOf(place: number): number {
    return hash(this.#words, wordsOfId * place) & (this.#table.length - 1)
  }

  #rehash(length: number): void {
    const entries = this.#table
    this.#table = new Int32Array(length)
    const mask = length - 1
    for (const entry of entries) {
      if (entry === 0) continue
      let slot = this.#homeOf(entry - 1)
      while (this.#table[slot] !== 0) slot = (slot + 1) & mask
      this.#table[slot] = entry
    }
  }
}

/** The value of a lower-case hexadecimal digit, by its code. */
function valueOfDigit(code: number): number {
  return code < 0x3a ? code - 0x30 : code - 0x57
}

/** Whoever imports units may choose ids, so every word counts. */
function hash(words: Uint32Array, at: number): number {
  let mixed = 0
  for (let word = at; word < at + wordsOfId; word++) {
    mixed = Math.imul(mixed ^ (words[word] as number), 0x9e3779b1)
    mixed ^= mixed >>> 15
  }
  return mixed
}
