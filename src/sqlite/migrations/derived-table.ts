/**
 * A table of ours that follows from the reference server's tables, and that triggers keep so. Since
 * its content is defined by a query, it can be checked against it, and made anew from it.
 */
export interface DerivedTable {
  readonly name: string
  readonly columns: readonly string[]
  /** Answers what the table must hold, its columns in their order. */
  readonly definition: string
  /** Which of the table's rows say anything: the others are as good as none. */
  readonly holds: string
  /** Statements that make the table's content anew, whatever it holds. */
  readonly fill: readonly string[]
}
