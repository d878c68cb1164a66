import { open } from 'node:fs/promises'
import { addAbortSignal } from 'node:stream'
import type { Command } from 'commander'
import { StoreError } from '../errors.ts'
import type { ReviewItemInput, Store } from '../store.ts'
import { byteLines, LineTooLong } from './byte-lines.ts'
import { readItem } from './import-line.ts'
import { Interrupted, Interruption } from './interruption.ts'
import {
  addDatabaseOptions,
  commandDatabase,
  type Database,
  databaseHelp,
  isDatabaseThere,
  openStore,
} from './open-store.ts'
import { printJson } from './output.ts'
import { Progress } from './progress.ts'
import { type DatabaseSettings, parseCount } from './settings.ts'

interface ImportFlags extends DatabaseSettings {
  readonly batchSize: number
  readonly skipExisting?: true
  readonly dryRun?: true
  readonly json?: true
}

const defaultBatchSize = 500
const largestBatchSize = 10_000
/** Far above the largest valid unit, so that a binary file is not read whole. */
const longestLine = 16 * 2 ** 20
const megabyte = 1_000_000
/** The most bad lines that are named, so that a wrong file does not flood the screen. */
const mostNamed = 20

export function addImportCommand(program: Command, environment: NodeJS.ProcessEnv): void {
  const command = program
    .command('import')
    .description('Store knowledge units with their review state from JSON Lines.')
    .argument('<file>', 'a file that cq-store export wrote; - for standard input')
    .option(
      '--batch-size <number>',
      `how many units are stored together or not at all, 1 to ${largestBatchSize}`,
      parseCount(1, largestBatchSize),
      defaultBatchSize,
    )
    .option('--skip-existing', 'skip units whose id exists; otherwise that is an error')
    .option('--dry-run', 'check every line without storing anything')
    .option('--json', 'as {path, dry_run, stored, skipped, lines}, even if it fails')
  addDatabaseOptions(command)
    .addHelpText(
      'after',
      `
Creates the database if it does not exist and there is a unit to store. The file has one unit on each line;
blank lines are skipped:
  {"knowledge_unit":{...},"status":"approved","reviewed_by":"carol","reviewed_at":"2026-..."}
Absent fields get their defaults; without a status, a unit is pending.

Each line is checked, and unknown fields are refused, except in extensions. At a bad line the import stops, says
why, and stores nothing of its batch; Ctrl-C stops it, too. Earlier batches stay stored: correct the line, and
continue with --skip-existing.

With --json, stored and skipped count units (in a dry run, those that would be); lines is the last line of the
input that they cover.
${databaseHelp}

Examples:
  $ cq-store import units.jsonl --dry-run
  $ cq-store import units.jsonl
  $ gunzip -c units.jsonl.gz | cq-store import - --skip-existing`,
    )
    .action(async (file: string, flags: ImportFlags) => {
      const path = commandDatabase(flags, environment)
      const tally = { stored: 0, skipped: 0, lines: 0 }
      using interruption = new Interruption()
      const { signal } = interruption
      await using input = await openInput(file, signal)
      const work = { path, file, input, flags, tally, signal }
      try {
        await (flags.dryRun ? checkAll(work) : importAll(work))
      } finally {
        // Also if it failed or was interrupted: what is stored is stored.
        if (flags.json) printJson({ path: `${path}`, dry_run: flags.dryRun === true, ...tally })
      }
      if (!flags.json) process.stdout.write(`${summaryOf(work)}\n`)
    })
}

interface Input extends AsyncDisposable {
  readonly chunks: AsyncIterable<Buffer>
  readonly bytes?: number
}

async function openInput(file: string, signal: AbortSignal): Promise<Input> {
  if (file === '-')
    return { chunks: addAbortSignal(signal, process.stdin), async [Symbol.asyncDispose]() {} }
  try {
    const handle = await open(file)
    const stat = await handle.stat()
    if (stat.isDirectory()) {
      await handle.close()
      throw new Error('it is a directory')
    }
    const stream = handle.createReadStream({ autoClose: false, highWaterMark: 2 ** 18 })
    return {
      chunks: addAbortSignal(signal, stream),
      ...(stat.isFile() && { bytes: stat.size }),
      [Symbol.asyncDispose]: () => handle.close(),
    }
  } catch (error) {
    throw new Error(`can't read ${file}: ${(error as Error).message}`, { cause: error })
  }
}

/** An import in progress: its counts, and the last line that was handled. */
interface Work {
  readonly path: Database
  readonly file: string
  readonly input: Input
  readonly flags: ImportFlags
  readonly tally: { stored: number; skipped: number; lines: number }
  readonly signal: AbortSignal
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

/** Stores batch after batch, until a bad one or an interruption between two. */
async function importAll(work: Work): Promise<void> {
  const { path, tally } = work
  using bad = new BadLines()
  // Opened once there is something to store: a file without units must not create a database.
  let store: Store | undefined
  try {
    for await (const batch of batches(work, 'importing')) {
      if (batch.bad.length > 0) {
        bad.tell(batch.bad)
        throw new Error(withSoFar(`nothing of ${rangeOf(batch)} was stored`, work))
      }
      store ??= await openStore(path)
      work.signal.throwIfAborted()
      const added = await storeBatch(batch, store, work, bad)
      tally.stored += added
      tally.skipped += batch.units.length - added
      tally.lines = batch.last
    }
  } catch (error) {
    throw error instanceof Interrupted ? error.with(soFar(work) ?? 'Nothing was stored') : error
  } finally {
    await store?.close()
  }
}

/** Resolves to how many were stored. */
async function storeBatch(batch: Batch, store: Store, work: Work, bad: BadLines): Promise<number> {
  const existing = work.flags.skipExisting ? 'skip' : 'conflict'
  try {
    const items = batch.units.map(({ item }) => item)
    return await store.importUnits(items, { existing })
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
    const range = rangeOf(batch)
    if (error.code === 'outcome_unknown')
      throw new Error(
        withSoFar(
          `whether ${range} is stored is unknown: ${error.message}. Run the import again with --skip-existing`,
          work,
        ),
        { cause: error },
      )
    if (error.code === 'conflict') bad.tell(await takenOf(batch, store))
    const hint = error.code === 'conflict' ? '; --skip-existing leaves out what is there' : ''
    const message = `nothing of ${range} was stored: ${error.message}${hint}`
    throw new Error(withSoFar(message, work), { cause: error })
  }
}

/** Checks every line, and which ids exist. */
async function checkAll(work: Work): Promise<void> {
  const { path, flags, tally } = work
  using bad = new BadLines()
  // Without a database no id exists, and none is created.
  await using store = isDatabaseThere(path)
    ? await openStore(path, { readers: 1, rankers: 0, readOnly: true })
    : undefined
  for await (const batch of batches(work, 'checking')) {
    const there = store ? await takenOf(batch, store) : []
    tally.skipped += there.length
    tally.stored += batch.units.length - there.length
    tally.lines = batch.last
    const wrong = flags.skipExisting ? batch.bad : [...batch.bad, ...there]
    bad.tell(wrong.toSorted((one, other) => one.line - other.line))
  }
  if (bad.count > 0)
    throw new Error(`${bad.count} bad ${bad.count === 1 ? 'line' : 'lines'}; nothing was stored`)
}

function summaryOf({ path, flags, tally }: Work): string {
  if (tally.lines === 0) return `the input holds no units; nothing was stored in ${path}`
  if (!flags.dryRun) return `stored ${summary(tally)} in ${path}`
  return `nothing was stored in ${path}, as this was a dry run; it would be ${summary(tally)}`
}

/** What an import that ends early has stored, and how to continue. */
function soFar({ file, tally }: Work): string | undefined {
  if (tally.lines === 0) return undefined
  const again = file
  return `Stored before: ${summary(tally)}, all of lines 1 to ${tally.lines}. To continue: cq-store import ${again} --skip-existing`
}

function withSoFar(message: string, work: Work): string {
  const before = soFar(work)
  return before === undefined ? message : `${message}. ${before}`
}

function progressOf({ bytes }: Input, doing: string): Progress {
  return new Progress({
    doing,
    ...(bytes === undefined ? { unit: 'lines' } : { unit: 'MB', total: bytes / megabyte }),
  })
}

/** The units of the file in batches, with what is wrong among them. */
async function* batches(
  { input, flags: { batchSize, skipExisting }, signal }: Work,
  doing: string,
): AsyncGenerator<Batch> {
  const { chunks, bytes } = input
  using progress = progressOf(input, doing)
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
      progress.reach(bytes === undefined ? line.number : line.end / megabyte)
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
      if (units.length + bad.length === batchSize) {
        signal.throwIfAborted()
        yield take()
      }
    }
  } catch (error) {
    // In its own words, not the stream's.
    signal.throwIfAborted()
    if (!(error instanceof LineTooLong)) throw error
    last = error.line
    bad.push({ line: error.line, reason: error.message })
  }
  if (units.length + bad.length > 0) yield take()
}

/** The lines whose units exist already. */
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

/** Reports bad lines on standard error: the first ones each, the rest as a number. */
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

function summary({ stored, skipped }: Work['tally']): string {
  const units = `${stored} ${stored === 1 ? 'unit' : 'units'}`
  return skipped === 0 ? units : `${units}, and left out ${skipped} that are there already`
}

function rangeOf({ first, last }: Batch): string {
  return first === last ? `line ${first}` : `lines ${first} to ${last}`
}
