import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import { parseExactly } from '../knowledge/exact-json.ts'
import type { ReviewItem, Store } from '../store.ts'
import { type Interrupted, Interruption } from './interruption.ts'
import { addDatabaseOptions, databaseHelp, existingDatabase, openToRead } from './open-store.ts'
import { lostOutput } from './output.ts'
import { Progress } from './progress.ts'
import type { DatabaseSettings } from './settings.ts'
import { writeWholeFile } from './whole-file.ts'

interface ExportFlags extends DatabaseSettings {
  readonly force?: true
}

const unitsAtOnce = 200

export function addExportCommand(program: Command, environment: NodeJS.ProcessEnv): void {
  const command = program
    .command('export')
    .description('Write all knowledge units with their review state as JSON Lines.')
    .argument('[file]', 'the file to write; - for standard output', '-')
    .option('--force', 'replace an existing file')
  addDatabaseOptions(command)
    .addHelpText(
      'after',
      `
One unit on each line, in the order of ids, for cq-store import:
  {"knowledge_unit":{...},"status":"approved","reviewed_by":"carol","reviewed_at":"2026-..."}

Units that are added or removed meanwhile may be missing; all others are included once. A unit whose document
cannot be read is left out and named, and the exit code is 1.
${databaseHelp}

Examples:
  $ cq-store export units.jsonl
  $ cq-store export | gzip > units.jsonl.gz
  $ cq-store export | jq -r 'select(.status == "approved") | .knowledge_unit.insight.summary'`,
    )
    .action(async (file: string, flags: ExportFlags) => {
      const path = existingDatabase(flags, environment)
      using interruption = new Interruption()
      const { signal } = interruption
      let isWhole = true
      const tell = (details: object, message: string) => {
        isWhole &&= !('notice' in details)
        process.stderr.write(`cq-store: ${message}\n`)
      }
      await using store = await openToRead(path, { warn: tell, error: tell })
      const count =
        file === '-'
          ? await exportToOutput(store, signal)
          : await exportToFile(file, store, flags.force === true, signal)
      process.stderr.write(`exported ${count} ${count === 1 ? 'unit' : 'units'} from ${path}\n`)
      if (!isWhole)
        throw new Error('the export lacks the units named above; cq-store check says more')
    })
}

async function exportToOutput(store: Store, signal: AbortSignal): Promise<number> {
  using lines = new Lines(store, await progressOf(store, !process.stdout.isTTY))
  try {
    await pipeline(Readable.from(lines, { highWaterMark: 1 }), process.stdout, {
      signal,
      end: false,
    })
  } catch (error) {
    if (signal.aborted)
      throw (signal.reason as Interrupted).with(`The export is not whole: ${lines.count} units`)
    throw error
  }
  // Including its end, before the count is reported.
  const lost = await lostOutput()
  if (lost) throw lost
  return lines.count
}

async function exportToFile(
  path: string,
  store: Store,
  force: boolean,
  signal: AbortSignal,
): Promise<number> {
  using lines = new Lines(store, await progressOf(store, true))
  try {
    await writeWholeFile(path, { force, mode: 0o666 }, (_temporary, file) =>
      file.writeFile(lines, { signal }),
    )
  } catch (error) {
    if (signal.aborted) throw (signal.reason as Interrupted).with(`Nothing was written to ${path}`)
    throw error
  }
  return lines.count
}

/** A progress bar if somebody watches, and the output does not go to the same terminal. */
async function progressOf(store: Store, mayShow: boolean): Promise<Progress> {
  const isShown = mayShow && process.stderr.isTTY
  const total = isShown ? await store.count() : 0
  return new Progress({ doing: 'exporting', unit: 'units', total, isShown })
}

/** All units as text, read from the store as fast as the consumer takes them. */
class Lines implements AsyncIterable<string>, Disposable {
  count = 0
  readonly #store: Store
  readonly #progress: Progress

  constructor(store: Store, progress: Progress) {
    this.#store = store
    this.#progress = progress
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    let after = ''
    for (;;) {
      // As text, so that every number stays as it is stored.
      const page = await this.#store.asText('whole', 'exportUnits', { after, limit: unitsAtOnce })
      const items = parseExactly(page) as ReviewItem[]
      const last = items.at(-1)
      if (last === undefined) return
      yield items.map((item) => `${JSON.stringify(item)}\n`).join('')
      this.count += items.length
      this.#progress.reach(this.count)
      after = last.knowledge_unit.id
    }
  }

  [Symbol.dispose](): void {
    this.#progress[Symbol.dispose]()
  }
}
