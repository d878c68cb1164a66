import { copyFile, open, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Corpus, randomNumbers } from '../../bench/corpus.ts'
import { makeTemplate } from '../../bench/template.ts'
import { SqliteStore, StoreError } from '../../src/index.ts'
import { internalOptions } from '../../src/internals.ts'
import { RecordedLog } from '../threads/recorded-log.ts'

/** Databases with flipped bits, noise, zeros or a missing end, in the file or its write-ahead log. */

export interface DamageFigures {
  readonly images: number
  /** That could be opened at all. */
  readonly opened: number
  /** Of which an operation said that they are damaged. */
  readonly corrupt: number
  /** What must not be, by the image that shows it. */
  readonly faults: readonly string[]
}

const units = 2_000
/** Far beyond what any operation takes. */
const patience = 20_000
const kinds = ['bits', 'noise', 'zeros', 'end'] as const

/** @param directory an empty one */
export async function tryDamage(
  directory: string,
  { images, seed }: { readonly images: number; readonly seed: number },
): Promise<DamageFigures> {
  const whole = await makeWhole(directory)
  const faults: string[] = []
  let opened = 0
  let corrupt = 0
  for (let image = 0; image < images; image++) {
    const random = randomNumbers(seed + image)
    const path = join(directory, 'image.db')
    const what = await damage(whole, path, random)
    const outcome = await tryImage(path, seed + image)
    if (outcome.isOpen) opened++
    if (outcome.isCorrupt) corrupt++
    for (const fault of outcome.faults) faults.push(`image ${seed + image} (${what}): ${fault}`)
    for (const end of ['', '-wal', '-shm']) await rm(path + end, { force: true })
  }
  return { images, opened, corrupt, faults }
}

/** A database, and a write-ahead log that holds the last of its writes. */
async function makeWhole(directory: string): Promise<string> {
  const path = join(directory, 'whole.db')
  const copy = join(directory, 'whole-copy.db')
  await makeTemplate({ path, units, seed: 1 })
  const corpus = new Corpus(units, 1)
  await using store = await SqliteStore.open({
    path,
    ...internalOptions({ upkeepInterval: 2 ** 30 }),
    readers: 1,
  })
  await store.insertMany(Array.from({ length: 200 }, (_, number) => corpus.freshUnit(number)))
  await store.createUser('carol', 'hash')
  for (const id of corpus.storedIds(50)) await store.confirm(id)
  for (const end of ['', '-wal']) await copyFile(path + end, copy + end)
  return copy
}

async function damage(whole: string, path: string, random: () => number): Promise<string> {
  const pick = (count: number) => Math.floor(random() * count)
  for (const end of ['', '-wal']) await copyFile(whole + end, path + end)
  const end = random() < 0.75 ? '' : '-wal'
  // Half of them without the log, as after a clean end.
  if (end === '' && random() < 0.5) await rm(`${path}-wal`)
  const bytes = await readFile(path + end)
  const kind = kinds[pick(kinds.length)] ?? 'bits'
  const times = 1 + pick(8)
  if (kind === 'end') {
    await using file = await open(path + end, 'r+')
    await file.truncate(pick(bytes.length))
    return `${end || 'file'}, its end`
  }
  for (let time = 0; time < times; time++) {
    // The first pages hold the schema.
    const at = random() < 0.2 ? pick(8_192) : pick(bytes.length)
    const length = kind === 'bits' ? 1 : Math.min(1 + pick(4_096), bytes.length - at)
    for (let place = at; place < at + length; place++) {
      const byte = bytes[place] ?? 0
      bytes[place] = { bits: byte ^ (1 << pick(8)), noise: pick(256), zeros: 0 }[kind]
    }
  }
  await writeFile(path + end, bytes)
  return `${end || 'file'}, ${kind} in ${times} places`
}

async function tryImage(path: string, seed: number) {
  const faults: string[] = []
  let isCorrupt = false
  const attempt = async (name: string, call: Promise<unknown>): Promise<unknown> => {
    const late = Symbol('late')
    const noted = call.catch((error: unknown) => {
      const code = error instanceof StoreError ? error.code : `no StoreError: ${error}`
      if (code === 'corrupt') isCorrupt = true
      else if (!['not_found', 'conflict', 'newer_schema', 'migration_needed'].includes(code))
        faults.push(`${name} ended with ${code}: ${(error as Error).message}`)
      return undefined
    })
    const first = await Promise.race([noted, delay(patience, late, { ref: false })])
    if (first === late) faults.push(`${name} hangs`)
    return first === late ? undefined : first
  }
  const log = new RecordedLog()
  const opened = SqliteStore.open({ path, readers: 2, log, timeout: 10_000 })
  const store = (await attempt('open', opened)) as SqliteStore | undefined
  if (!store) return { isOpen: false, isCorrupt, faults }
  const corpus = new Corpus(units, 1)
  const ids = corpus.storedIds(20)
  const calls: Record<string, () => Promise<unknown>> = {
    query: () => store.query(corpus.popularDomains(3), { limit: 50 }),
    get: () => Promise.all(ids.map((id) => store.get(id))),
    reviewQueue: () => store.reviewQueue({ limit: 100 }),
    listUnits: () => store.listUnits({ limit: 300 }),
    listed: () => store.listUnits({ confidenceMin: 0.4, confidenceMax: 0.5, limit: 500 }),
    stats: () => store.stats(),
    reviewStats: () => store.reviewStats(),
    getUser: () => store.getUser('carol'),
    listUsers: () => store.listUsers(),
    export: async () => {
      for await (const _ of store.units());
    },
    insert: () => store.insert(corpus.freshUnit(1_000 + seed)),
    confirm: () => store.confirm(ids[0] ?? ''),
    flag: () => store.flag(ids[1] ?? '', { reason: 'stale' }),
    decide: () => store.decide(corpus.freshId(3), 'approved', 'carol'),
    update: () => store.update(corpus.freshUnit(4)),
    removeUnit: () => store.removeUnit(corpus.freshId(5)),
  }
  await Promise.all(Object.entries(calls).map(([name, call]) => attempt(name, call())))
  for (const [name, call] of Object.entries(calls)) await attempt(name, call())
  const { isReady } = await store.readiness()
  if (isCorrupt && isReady) faults.push('the store says that it is ready')
  await attempt('close', store.close())
  return { isOpen: true, isCorrupt, faults }
}
