import type { Send } from '../connection.ts'

/** A step from one schema to the next. What it makes never changes; a later version adds another step. */
export interface Migration {
  readonly name: string
  up(send: Send): Promise<void>
}
