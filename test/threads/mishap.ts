import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads'
import { StoreError } from '../../src/errors.ts'
import { Latch } from './latch.ts'

/** When in a worker's life something goes wrong. */
export type Stage = 'load' | 'open' | 'close'
/** What goes wrong. A worker that waits goes on once the latch of the stage's name is opened. */
export type Mishap = 'throw' | 'exit' | 'refuse' | 'wait'
/** Mishaps by stage, and by whom they happen to, where there is more than one: `open read`. */
export type Mishaps = Readonly<Record<string, Mishap>>

/** Says what shall go wrong in workers that start from now on. */
export function arrange(mishaps: Mishaps): void {
  setEnvironmentData('mishaps', mishaps)
}

/** In a worker: has happen what was arranged. @throws {StoreError} what it is to reply */
export function suffer(stage: Stage, whom = ''): void {
  const mishaps = (getEnvironmentData('mishaps') ?? {}) as Mishaps
  switch (mishaps[stage] ?? mishaps[`${stage} ${whom}`]) {
    case 'throw':
      throw new Error(`threw at ${stage}`)
    case 'exit':
      process.exit(1)
      break
    case 'refuse':
      throw new StoreError('unavailable', `refused to ${stage}`)
    case 'wait':
      Latch.wait(stage)
      break
  }
}
