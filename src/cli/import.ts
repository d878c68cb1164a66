import { existsSync } from 'node:fs'
import { open } from 'node:fs/promises'
import type { Command } from 'commander'
import { StoreError } from '../errors.ts'
import { parseExactly } from '../knowledge/exact-json.ts'
import { administration } from '../operations/administration.ts'
import type { ReviewItemInput, Store } from '../store.ts'
import { type ByteLine, byteLines, LineTooLong } from './byte-lines.ts'
import { addDatabaseOptions, commandDatabase, databaseHelp, openStore } from './open-store.ts'
import { Progress } from './progress.ts'
import { type DatabaseSettings, parseCount } from './settings.ts'

interface ImportFlags extends DatabaseSettings {
  readonly batchSize: number
  readonly skipExisting?: true
  readonly dryRun?: true
}

const defaultBatchSize = 500
const largestBatchSize = 10_000
/** Far above the largest unit that fits, so that what is no text at all is not read whole. */
const longestLine = 16 * 2 ** 20
/** Bad lines that are named at most, so that a file of something else fills no screen after screen. */
const mostNamed = 100

export function addImportCommand(program: Command, environment: NodeJS.ProcessEnv): void {
  const command = program
    .command('import')
    .description('Store knowledge units with their review state from JSON Lines.')
    .argument('<file>', 'what cq-store export wrote; - is the standard input')
    .option(
      '--batch-size <number>',
      `how many units are stored together or not at all, 1 to ${largestBatchSize}`,
      parseCount(1, largestBatchSize),
      defaultBatchSize,
    )
    .option('--skip-existing', 'leave out units whose id is there already; else that is a failure')
    .option('--dry-run', 'check every line and store nothing')
  addDatabaseOptions(command)
    .addHelpText(
      'after',
      `
Makes the database where there is none. One line a unit; blank lines don't count:
  {"knowledge_unit":{...},"status":"approved","reviewed_by":"carol","reviewed_at":"2026-..."}
What is left out of a line gets its default; without a status a unit is pending.

Each line is checked. Where one is bad, it is named with the reason, nothing of its batch is stored,
and the import stops. What was stored before stays: mend the line and go on with --skip-existing.
${databaseHelp}

Examples:
  $ cq-store import units.jsonl --dry-run
  $ cq-store import units.jsonl
  $ gunzip -c units.jsonl.gz | cq-store import - --skip-existing`,
    )
    .action(async (file: string, flags: ImportFlags) => {
      const path = commandDatabase(flags, environment)
      await using input = await openInput(file)
      if (!flags.dryRun) {
        await using store = await openStore(path)
        process.stdout.write(`${await importAll(input, store, flags)}\n`)
        return
      }
      // A dry run makes no database either: where there is none, no id is taken.
      await using store = existsSync(path) ? await openStore(path) : undefined
      process.stdout.write(`${await checkAll(input, store, flags)}\n`)
    })
}

interface Input extends AsyncDisposable {
  readonly chunks: AsyncIterable<Buffer>
  readonly bytes?: number
}

async function openInput(file: string): Promise<Input> {
  if (file === '-') return { chunks: process.stdin, async [Symbol.asyncDispose]() {} }
  try {
    const handle = await open(file)
    const stat = await handle.stat()
    return {
      chunks: handle.createReadStream({ autoClose: false, highWaterMark: 2 ** 18 }),
      ...(stat.isFile() && { bytes: stat.size }),
      [Symbol.asyncDispose]: () => handle.close(),
    }
  } catch (error) {
    throw new Error(`can't read ${file}: ${(error as Error).message}`, { cause: error })
  }
}

interface Unit {
  readonly line: number
  readonly item: ReviewItemInput
}

interface BadLine {
  readonly line: number
  readonly reason: string
}

interface Batch {
  readonly first: number
  readonly last: number
  readonly units: readonly Unit[]
  readonly bad: readonly BadLine[]
}

/** Stores batch after batch up to the first bad one. Resolves to what was done. */
async function importAll(input: Input, store: Store, flags: ImportFlags): Promise<string> {
  using bad = new BadLines()
  using progress = progressOf(input, 'importing')
  const existing = flags.skipExisting ? 'skip' : 'conflict'
  let stored = 0
  let skipped = 0
  let lastLine = 0
  const soFar = () =>
    lastLine === 0
      ? 'Nothing was stored'
      : `Stored before: ${told(stored, skipped)}, all of lines 1 to ${lastLine}`
  for await (const batch of batches(input, flags, progress)) {
    const range = rangeOf(batch)
    if (batch.bad.length > 0) {
      bad.tell(batch.bad)
      throw new Error(`nothing of ${range} was stored. ${soFar()}`)
    }
    try {
      const added = await store.importUnits(
        batch.units.map(({ item }) => item),
        { existing },
      )
      stored += added
      skipped += batch.units.length - added
      lastLine = batch.last
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      if (error.code === 'outcome_unknown')
        throw new Error(
          `whether ${range} is stored is unknown: ${error.message}. ${soFar()}. ` +
            'Run the import again with --skip-existing',
          { cause: error },
        )
      if (error.code === 'conflict') bad.tell(await takenOf(batch, store))
      const hint = error.code === 'conflict' ? '; --skip-existing leaves out what is there' : ''
      throw new Error(`nothing of ${range} was stored: ${error.message}${hint}. ${soFar()}`, {
        cause: error,
      })
    }
  }
  return `stored ${told(stored, skipped)}`
}

/** Checks every line, and which ids are taken, up to the end. Resolves to what would be done. */
async function checkAll(
  input: Input,
  store: Store | undefined,
  flags: ImportFlags,
): Promise<string> {
  using bad = new BadLines()
  using progress = progressOf(input, 'checking')
  let good = 0
  let taken = 0
  for await (const batch of batches(input, flags, progress)) {
    const there = store ? await takenOf(batch, store) : []
    taken += there.length
    good += batch.units.length - there.length
    const wrong = flags.skipExisting ? batch.bad : [...batch.bad, ...there]
    bad.tell(wrong.toSorted((one, other) => one.line - other.line))
  }
  if (bad.count > 0)
    throw new Error(`${bad.count} bad ${bad.count === 1 ? 'line' : 'lines'}; nothing was stored`)
  return `nothing was stored, as this was a dry run; it would be ${told(good, taken)}`
}

function progressOf({ bytes }: Input, doing: string): Progress {
  return new Progress({
    doing,
    ...(bytes === undefined ? { unit: 'lines' } : { unit: 'bytes', total: bytes }),
  })
}

/** The file's units as they are stored together: as many as a batch takes, with what is wrong among them. */
async function* batches(
  { chunks, bytes }: Input,
  { batchSize, skipExisting }: ImportFlags,
  progress: Progress,
): AsyncGenerator<Batch> {
  let units: Unit[] = []
  let bad: BadLine[] = []
  let lines = new Map<string, number>()
  let first = 1
  let last = 0
  const take = (): Batch => {
    const batch = { first, last, units, bad }
    units = []
    bad = []
    lines = new Map()
    first = last + 1
    return batch
  }
  try {
    for await (const line of byteLines(chunks, longestLine)) {
      last = line.number
      progress.reach(bytes === undefined ? line.number : line.end)
      try {
        const item = readItem(line)
        if (item === undefined) continue
        const { id } = item.knowledge_unit
        const earlier = lines.get(id)
        if (earlier !== undefined && !skipExisting)
          throw new Error(`${id} is in line ${earlier} already`)
        lines.set(id, line.number)
        units.push({ line: line.number, item })
      } catch (error) {
        bad.push({ line: line.number, reason: (error as Error).message })
      }
      if (units.length + bad.length === batchSize) yield take()
    }
  } catch (error) {
    if (!(error instanceof LineTooLong)) throw error
    last = error.line
    bad.push({ line: error.line, reason: error.message })
  }
  if (units.length + bad.length > 0) yield take()
}

/** The unit of a line; none of a blank one. @throws {Error} whose message says what is wrong */
function readItem({ bytes }: ByteLine): ReviewItemInput | undefined {
  const text = decoded(bytes)
  if (text.trim() === '') return undefined
  const item = parsed(text) as ReviewItemInput | null
  if (typeof item !== 'object' || item === null || Array.isArray(item))
    throw new Error('it is no JSON object')
  if (item.knowledge_unit === undefined) throw new Error('it has no knowledge_unit')
  // What the store itself would say, told of each line on its own.
  administration.importUnits.prepare(new Date(), [item], undefined)
  return item
}

function parsed(text: string): unknown {
  try {
    return parseExactly(text)
  } catch (error) {
    throw new Error(`it is no JSON: ${(error as SyntaxError).message}`)
  }
}

function decoded(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error('it is no UTF-8')
  }
}

/** The lines whose units are there already. */
async function takenOf({ units }: Batch, store: Store): Promise<BadLine[]> {
  const found = await Promise.all(
    units.map(async ({ line, item }) => {
      const { id } = item.knowledge_unit
      const isTaken = (await store.getReviewStatus(id)) !== null
      return isTaken ? [{ line, reason: `Knowledge unit already exists: ${id}` }] : []
    }),
  )
  return found.flat()
}

/** Tells bad lines on the standard error output: the first ones each, the rest as a number. */
class BadLines implements Disposable {
  count = 0

  tell(lines: readonly BadLine[]): void {
    const named = lines.slice(0, Math.max(mostNamed - this.count, 0))
    for (const { line, reason } of named) process.stderr.write(`line ${line}: ${reason}\n`)
    this.count += lines.length
  }

  [Symbol.dispose](): void {
    if (this.count > mostNamed)
      process.stderr.write(`and ${this.count - mostNamed} more bad lines\n`)
  }
}

function told(stored: number, skipped: number): string {
  const units = `${stored} ${stored === 1 ? 'unit' : 'units'}`
  return skipped === 0 ? units : `${units}, and left out ${skipped} that are there already`
}

function rangeOf({ first, last }: Batch): string {
  return first === last ? `line ${first}` : `lines ${first} to ${last}`
}
