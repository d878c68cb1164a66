/** Sends a statement, and resolves to its rows. */
export type Send = (
  sql: string,
  values?: readonly unknown[],
) => Promise<{ readonly rows: Record<string, unknown>[] }>

/** A step from one schema to the next. What it makes never changes; a later version adds another step. */
export interface Migration {
  readonly name: string
  up(send: Send): Promise<void>
}
