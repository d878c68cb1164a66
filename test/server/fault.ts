import { expect } from 'vitest'

/** One entry of a 422's list. */
export interface Fault {
  readonly type: string
  readonly loc: readonly (string | number)[]
  readonly msg: string
  readonly input: unknown
  readonly ctx?: object
}

/** The faults that a 422 lists. */
export async function faultsOf(answer: Response): Promise<Fault[]> {
  expect(answer.status).toBe(422)
  const { detail } = (await answer.json()) as { detail: Fault[] }
  expect(detail).toBeInstanceOf(Array)
  return detail
}

/** What a refusal of one sentence says. */
export async function detailOf(answer: Response, status: number): Promise<unknown> {
  expect(answer.status).toBe(status)
  return ((await answer.json()) as { detail: unknown }).detail
}
