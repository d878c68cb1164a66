/** Below zero where one unit's id comes before the other's. */
type CompareIds = (one: number, other: number) => number

/** The best units met so far, as many as are wanted: by a rank, then by id, both descending. */
export class BestUnits {
  /** Heaps in parallel, the worst unit first. */
  readonly #units: number[] = []
  readonly #ranks: number[] = []
  readonly #wanted: number
  readonly #compareIds: CompareIds

  constructor(wanted: number, compareIds: CompareIds) {
    this.#wanted = wanted
    this.#compareIds = compareIds
  }

  /** A unit that ranks lower can't be among the best. One of the same rank may, by its id. */
  get leastRank(): number {
    return this.#units.length < this.#wanted ? -1 : (this.#ranks[0] as number)
  }

  /** Whether a unit of this rank would be among the best. */
  mayTake(unit: number, rank: number): boolean {
    return this.#units.length < this.#wanted || this.#isWorse(0, unit, rank)
  }

  offer(unit: number, rank: number): void {
    if (this.#units.length < this.#wanted) {
      this.#rise(this.#units.push(unit) - 1, unit, rank)
    } else if (this.#isWorse(0, unit, rank)) this.#sink(unit, rank)
  }

  /** The units, best first. Afterwards there are none. */
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

  /** Whether the unit at a place of the heap is worse than another one. */
  #isWorse(place: number, unit: number, rank: number): boolean {
    const other = this.#ranks[place] as number
    return other !== rank ? other < rank : this.#compareIds(this.#units[place] as number, unit) < 0
  }

  #rise(place: number, unit: number, rank: number): void {
    while (place > 0) {
      const parent = (place - 1) >> 1
      // From here up all are worse.
      if (this.#isWorse(parent, unit, rank)) break
      this.#put(place, this.#units[parent] as number, this.#ranks[parent] as number)
      place = parent
    }
    this.#put(place, unit, rank)
  }

  /** Replaces the worst one. */
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
