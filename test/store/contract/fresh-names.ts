import { keyId, unitId, username } from '../samples.ts'

/** Names that were not given out before, each higher than the last, so that tests can share a store. */
export class FreshNames {
  #last = 0

  unitId(): string {
    return unitId(++this.#last)
  }

  /** Several, ascending. */
  unitIds(count: number): string[] {
    return Array.from({ length: count }, () => this.unitId())
  }

  keyId(): string {
    return keyId(++this.#last)
  }

  domain(): string {
    return `domain-${++this.#last}`
  }

  username(): string {
    return username(++this.#last)
  }
}
