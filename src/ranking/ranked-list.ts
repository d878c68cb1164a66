/** Whether one unit comes before another in the order of lists. */
type IsBefore = (one: number, other: number) => boolean

/** A part of a list: units and their marks, alternating. */
export interface Block {
  entries: Int32Array
  /** How many units it has. */
  length: number
}

const smallestBlock = 4
/** The most that an insertion moves, and what is wasted when blocks are half full. */
const largestBlock = 256

/**
 * Units in order, best first, each with a mark. Kept in blocks, so that adding or removing one takes the same
 * time in lists of any length.
 */
export class RankedList {
  readonly blocks: Block[] = []

  get bytes(): number {
    return this.blocks.reduce((sum, { entries }) => sum + entries.byteLength, 0)
  }

  /** Adds a unit that comes after all others. */
  append(unit: number, mark: number): void {
    let last = this.blocks.at(-1)
    if (!last || last.length === largestBlock) {
      last = { entries: new Int32Array(0), length: 0 }
      this.blocks.push(last)
    }
    insertInto(last, last.length, unit, mark)
  }

  insert(unit: number, mark: number, isBefore: IsBefore): void {
    const index = Math.min(this.#blockOf(unit, isBefore), this.blocks.length - 1)
    const block = this.blocks[index]
    if (!block) {
      this.append(unit, mark)
      return
    }
    insertInto(block, placeIn(block, unit, isBefore), unit, mark)
    if (block.length > largestBlock) this.blocks.splice(index + 1, 0, splitOff(block))
  }

  /**
   * Removes a unit that is in the list; what its position depends on must not have changed since it was added.
   */
  remove(unit: number, isBefore: IsBefore): void {
    const index = this.#blockOf(unit, isBefore)
    const block = this.blocks[index] as Block
    const place = placeIn(block, unit, isBefore)
    block.entries.copyWithin(2 * place, 2 * (place + 1), 2 * block.length)
    block.length--
    if (block.length === 0) this.blocks.splice(index, 1)
    else {
      makeRoom(block, block.length)
      this.#joinSmall(index)
      this.#joinSmall(index - 1)
    }
  }

  /** The first block that ends with the unit or after it. */
  #blockOf(unit: number, isBefore: IsBefore): number {
    return firstFrom(this.blocks.length, (index) => {
      const { entries, length } = this.blocks[index] as Block
      return !isBefore(entries[2 * (length - 1)] as number, unit)
    })
  }

  /** Merges blocks, so that a list that shrinks does not keep many nearly empty ones. */
  #joinSmall(index: number): void {
    const [first, second] = [this.blocks[index], this.blocks[index + 1]]
    if (!first || !second || first.length + second.length > largestBlock / 4) return
    makeRoom(first, first.length + second.length)
    first.entries.set(second.entries.subarray(0, 2 * second.length), 2 * first.length)
    first.length += second.length
    this.blocks.splice(index + 1, 1)
  }
}

function placeIn({ entries, length }: Block, unit: number, isBefore: IsBefore): number {
  return firstFrom(length, (place) => !isBefore(entries[2 * place] as number, unit))
}

/** The first number below an end from which on something holds, by bisection. */
function firstFrom(end: number, holds: (number: number) => boolean): number {
  let low = 0
  let high = end
  while (low < high) {
    const middle = (low + high) >> 1
    if (holds(middle)) high = middle
    else low = middle + 1
  }
  return low
}

function insertInto(block: Block, place: number, unit: number, mark: number): void {
  makeRoom(block, block.length + 1)
  const { entries, length } = block
  entries.copyWithin(2 * (place + 1), 2 * place, 2 * length)
  entries[2 * place] = unit
  entries[2 * place + 1] = mark
  block.length++
}

/** Gives a block room for so many units, and not for many times as many. */
function makeRoom(block: Block, length: number): void {
  const { entries } = block
  const isRoomy = entries.length > 2 * smallestBlock && entries.length > 8 * length
  if (2 * length <= entries.length && !isRoomy) return
  // One more than the largest, since a block is split after it has grown too long.
  const room = Math.min(Math.max(smallestBlock, 2 * block.length, length), largestBlock + 1)
  block.entries = new Int32Array(2 * room)
  block.entries.set(entries.subarray(0, 2 * block.length))
}

/** Takes the second half of a block. */
function splitOff(block: Block): Block {
  const half = block.length >> 1
  const taken = { entries: block.entries.slice(2 * half), length: block.length - half }
  block.length = half
  return taken
}
