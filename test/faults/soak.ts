import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Corpus } from '../../bench/corpus.ts'
import { SqliteStore } from '../../src/index.ts'

/** Reads and writes for a long time, of which nothing may be left. */

const calls = 16
const samples = 60
const mebibyte = 2 ** 20

/** Memory, open files and log, at one moment. */
interface Sample {
  readonly memory: number
  readonly descriptors: number
  readonly log: number
}

export async function soak(
  directory: string,
  minutes: number,
): Promise<{ figure: string; faults: string[] }> {
  const path = join(directory, 'cq.db')
  const corpus = new Corpus(2_000, 1)
  const faults: string[] = []
  await using store = await SqliteStore.open({ path })
  await store.importUnits(
    Array.from({ length: corpus.size }, (_, index) => ({
      knowledge_unit: corpus.unitAt(index),
      status: 'approved' as const,
    })),
  )
  let goesOn = true
  let count = 0
  const ids = corpus.storedIds(500)
  const load = async (caller: number) => {
    for (let number = caller; goesOn; number += calls, count++) {
      const id = ids[number % ids.length] ?? ''
      const call = [
        () => store.get(id),
        () => store.query(corpus.popularDomains(3)),
        () => store.confirm(id),
        () => store.listUnits({ limit: 50 }),
        // So that there are no more units at the end than there were.
        async () => {
          const unit = corpus.freshUnit(number)
          await store.insert(unit)
          await store.removeUnit(unit.id)
        },
      ][number % 5]
      await call?.().catch((error: Error) => faults.length < 20 && faults.push(error.message))
    }
  }
  const callers = Promise.all(Array.from({ length: calls }, (_, caller) => load(caller)))
  const seen: Sample[] = []
  for (let sample = 0; sample < samples; sample++) {
    await delay((minutes * 60_000) / samples)
    seen.push(look(path))
  }
  goesOn = false
  await callers
  const third = seen.slice(samples / 3, (2 * samples) / 3)
  const last = seen.slice((2 * samples) / 3)
  const most = (some: readonly Sample[], name: keyof Sample) =>
    Math.max(...some.map((sample) => sample[name]))
  const told = (['memory', 'descriptors', 'log'] as const).map((name) => {
    const [before, after] = [most(third, name), most(last, name)]
    // As much again is no noise.
    if (after > before * 1.25 + (name === 'descriptors' ? 4 : 16))
      faults.push(`${name} grew from ${before} to ${after}`)
    return `${name} ${before} to ${after}${name === 'descriptors' ? '' : ' MB'}`
  })
  return {
    figure: `${count} calls; the most in the second and the last third: ${told.join(', ')}`,
    faults,
  }
}

function look(path: string): Sample {
  const status = readFileSync('/proc/self/status', 'utf8')
  return {
    memory: Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024),
    descriptors: readdirSync('/proc/self/fd').length,
    log: Math.round((statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) / mebibyte),
  }
}
