/** Options for tests, kept out of the public types. */
export interface Internals {
  /** The time, as operations store it. @default the system's */
  readonly now?: (() => Date) | undefined
  /** The operations file that workers load. @default the packaged one */
  readonly operationsFile?: URL | undefined
  /** How often upkeep runs, in milliseconds. @default 1000 */
  readonly upkeepInterval?: number | undefined
}

const internals = Symbol('cq-store internals')

/** Internal options, to be spread into public ones. */
export function internalOptions(options: Internals): object {
  return { [internals]: options }
}

/** The internal options that were spread into these. */
export function internalsOf(options: object): Internals {
  return (options as { readonly [internals]?: Internals })[internals] ?? {}
}
