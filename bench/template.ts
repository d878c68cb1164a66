import { SqliteStore } from '../src/index.ts'
import { Corpus } from './corpus.ts'

const unitsAtOnce = 1_000

export interface TemplateRequest {
  readonly path: string
  readonly units: number
  readonly seed: number
}

/** Makes a file as the store itself makes it, full of approved units, to be copied for each measurement. */
export async function makeTemplate({ path, units, seed }: TemplateRequest): Promise<void> {
  const corpus = new Corpus(units, seed)
  await using store = await SqliteStore.open({ path, readers: 1 })
  for (let from = 0; from < units; from += unitsAtOnce) {
    const length = Math.min(unitsAtOnce, units - from)
    const some = Array.from({ length }, (_, index) => corpus.unitAt(from + index))
    await store.insertMany(some)
    await Promise.all(some.map(({ id }) => store.setReviewStatus(id, 'approved', 'bench')))
  }
}
