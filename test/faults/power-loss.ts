import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Sqlite from 'better-sqlite3'
import { randomNumbers } from '../../bench/corpus.ts'
import { SqliteStore } from '../../src/index.ts'
import type { Durability } from '../../src/offload/connection-options.ts'
import { unitId } from '../store/samples.ts'
import { makeControl, shimmed } from './disk.ts'

/** Images of a disk that lost power: what was flushed is there, and of the rest anything may be. */

export interface PowerLossFigures {
  readonly images: number
  /** Acknowledged writes that were missing in some image, added up. */
  readonly lost: number
  readonly faults: readonly string[]
}

export interface PowerLossOptions {
  readonly shim: string
  /** An empty one. */
  readonly directory: string
  readonly durability: Durability
  readonly images: number
  readonly seed: number
  /** How many writes are made. */
  readonly writes: number
}

// As the shim has them.
const ops = { write: 1, flush: 2, truncate: 3 } as const
const files = { 1: '', 2: '-wal' } as const
const mark = 4
const sector = 512
const log = { warn() {}, error() {} }

interface Operation {
  readonly op: number
  readonly file: number
  readonly offset: number
  readonly bytes: Buffer
}

export async function tryPowerLoss(options: PowerLossOptions): Promise<PowerLossFigures> {
  const { directory, images, seed, durability } = options
  const operations = parse(await traced(options))
  const faults: string[] = []
  let lost = 0
  for (let image = 0; image < images; image++) {
    const random = randomNumbers(seed + image)
    const cut = Math.floor(random() * operations.length)
    const path = join(directory, 'image.db')
    const acknowledged = await makeImage(path, operations.slice(0, cut), random)
    try {
      const missing = await missingIn(path, acknowledged)
      lost += missing.length
      const first = missing[0] ?? acknowledged + 1
      if (durability === 'full' && missing.length > 0)
        throw new Error(`${missing.length} of ${acknowledged} acknowledged writes are lost`)
      if (acknowledged - first + 1 !== missing.length)
        throw new Error(`of ${acknowledged} writes ${missing} are missing, which is no suffix`)
    } catch (error) {
      faults.push(`${durability}, image ${seed + image}, cut at ${cut}: ${error}`)
    }
    for (const end of ['', '-wal', '-shm']) await rm(path + end, { force: true })
  }
  return { images, lost, faults }
}

/** What a process does to its files. */
async function traced({ shim, directory, durability, writes }: PowerLossOptions): Promise<Buffer> {
  const script = fileURLToPath(new URL('./processes/traced-writes.ts', import.meta.url))
  const apart = await mkdtemp(join(directory, 'traced-'))
  const trace = join(directory, 'trace')
  await rm(trace, { force: true })
  const control = await makeControl(directory)
  const child = spawn(process.execPath, [script, apart, durability, `${writes}`], {
    env: {
      ...process.env,
      ...shimmed({ shim, directory: apart, control, trace }),
      NODE_NO_WARNINGS: '1',
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
  const [code] = (await once(child, 'exit')) as [number | null]
  if (code !== 0) throw new Error(`the process that was to be traced ended with ${code}`)
  await rm(apart, { recursive: true })
  return readFile(trace)
}

function parse(trace: Buffer): Operation[] {
  const operations: Operation[] = []
  for (let at = 0; at < trace.length; ) {
    const [op = 0, file = 0, offset = 0, length = 0] = [0, 8, 16, 24].map((field) =>
      Number(trace.readBigInt64LE(at + field)),
    )
    at += 32
    operations.push({ op, file, offset, bytes: trace.subarray(at, at + length) })
    at += length
  }
  return operations
}

/** A file as it is on the disk, and what was done to it since it was flushed. */
class Disk {
  pending: Operation[] = []
  #bytes = Buffer.alloc(0)
  #size = 0

  get content(): Buffer {
    return this.#bytes.subarray(0, this.#size)
  }

  flush(): void {
    for (const operation of this.pending.splice(0)) this.apply(operation)
  }

  apply({ op, offset, bytes }: Operation): void {
    const size = op === ops.truncate ? offset : Math.max(this.#size, offset + bytes.length)
    if (size > this.#bytes.length) {
      const grown = Buffer.alloc(2 * size)
      this.#bytes.copy(grown, 0, 0, this.#size)
      this.#bytes = grown
    }
    // What it is cut by reads as zeros where it grows again.
    if (size < this.#size) this.#bytes.fill(0, size, this.#size)
    this.#size = size
    bytes.copy(this.#bytes, offset)
  }

  /** Each is done or not, in its order or not, or done in part, by sectors. */
  lose(random: () => number): void {
    const keeps = random()
    const left = this.pending.filter(() => random() < keeps)
    if (random() < 0.3) left.sort(() => random() - 0.5)
    for (const operation of left) {
      const isTorn = operation.op === ops.write && random() < 0.2
      if (!isTorn) this.apply(operation)
      else
        for (let at = 0; at < operation.bytes.length; at += sector)
          if (random() < 0.5) {
            const bytes = operation.bytes.subarray(at, at + sector)
            this.apply({ ...operation, offset: operation.offset + at, bytes })
          }
    }
  }
}

/** Resolves to how many writes were acknowledged. */
async function makeImage(
  path: string,
  operations: readonly Operation[],
  random: () => number,
): Promise<number> {
  const disks = { 1: new Disk(), 2: new Disk() }
  let acknowledged = 0
  for (const operation of operations) {
    if (operation.file === mark) {
      acknowledged = operation.bytes.readInt32LE()
      continue
    }
    const disk = disks[operation.file as 1 | 2]
    if (operation.op === ops.flush) disk.flush()
    else disk.pending.push(operation)
  }
  for (const file of [1, 2] as const) {
    disks[file].lose(random)
    if (disks[file].content.length > 0) await writeFile(path + files[file], disks[file].content)
  }
  return acknowledged
}

/** The numbers of acknowledged writes that are not there. */
async function missingIn(path: string, acknowledged: number): Promise<number[]> {
  const numbers = Array.from({ length: acknowledged }, (_, index) => index + 1)
  const store = await SqliteStore.open({ path, log, readers: 1, rankers: 0 })
  const found = await Promise.all(numbers.map((number) => store.getAny(unitId(number))))
  await store.close()
  const sqlite = new Sqlite(path)
  const check = sqlite.pragma('quick_check', { simple: true })
  sqlite.close()
  if (check !== 'ok') throw new Error(`quick_check: ${check}`)
  return numbers.filter((_, index) => found[index] === null)
}
