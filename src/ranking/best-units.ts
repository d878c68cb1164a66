/** Compares two units by id: negative if the first comes before the second. */
type CompareIds = (one: number, other: number) => number

/** The best units so far, up to a number: by rank, then by id, both descending. */
export class BestUnits {
  /** Parallel heaps, the worst unit first. */
  readonly #units: number[] = []
  readonly #ranks: number[] = []
  readonly #wanted: number
  readonly #compareIds: CompareIds

  constructor(wanted: number, compareIds: CompareIds) {
    this.#wanted = wanted
    this.#compareIds = compareIds
  }

  /** No unit with a lower rank can be among the best. One with the same rank may, by its id. */
  get leastRank(): number {
    return this.#units.length < this.#wanted ? -1 : (this.#ranks[0] as number)
  }

  /** Whether a unit with this rank would be among the best. */
  mayTake(unit: number, rank: number): boolean {
    return this.#units.length < this.#wanted || this.#isWorse(0, unit, rank)
  }

  offer(unit: number, rank: number): void {
    if (this.#units.length < this.#wanted) {
      this.#rise(this.#units.push(unit) - 1, unit, rank)
    } else if (this.#isWorse(0, unit, rank)) this.#sink(unit, rank)
  }

  /** The units, best first. Empties the heap. */
  takeAll(): number[] {
    const units: number[] = []
    while (this.#units.length > 0) {
      units.push(this.#units[0] as number)
      const unit = this.#units.pop() as number
      const rank = this.#ranks.pop() as number
      if (this.#units.length > 0) this.#sink(unit, rank)
    }
    return units.reverse()
  }

  /** Whether the unit at a position of the heap is worse than another one. */
  #isWorse(place: number, unit: number, rank: number): boolean {
    const other = this.#ranks[place] as number
    return other !== rank ? other < rank : this.#compareIds(this.#units[place] as number, unit) < 0
  }

  #rise(place: number, unit: number, rank: number): void {
    while (place > 0) {
      const parent = (place - 1) >> 1
      // Everything further up is worse.
      if (this.#isWorse(parent, unit, rank)) break
      this.#put(place, this.#units[parent] as number, this.#ranks[parent] as number)
      place = parent
    }
    this.#put(place, unit, rank)
  }

  /** Replaces the worst unit. */
  #sink(unit: number, rank: number): void {
    const { length } = this.#units
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      if (child >= length) break
      const [right, rightRank] = [this.#units[child + 1], this.#ranks[child + 1]]
      if (right !== undefined && !this.#isWorse(child, right, rightRank as number)) child++
      if (!this.#isWorse(child, unit, rank)) break
      this.#put(place, this.#units[child] as number, this.#ranks[child] as number)
      place = child
    }
    this.#put(place, unit, rank)
  }

  #put(place: number, unit: number, rank: number): void {
    this.#units[place] = unit
    this.#ranks[place] = rank
  }
}
