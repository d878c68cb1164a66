import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Command } from 'commander'
import type { Store } from '../store.ts'
import { addDatabaseOptions, databaseHelp, existingDatabase, openStore } from './open-store.ts'
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
    .argument('[file]', 'where to; without it, or with -, the standard output', '-')
    .option('--force', 'replace the file where it is there')
  addDatabaseOptions(command)
    .addHelpText(
      'after',
      `
One line a unit, by id, as cq-store import takes it:
  {"knowledge_unit":{...},"status":"approved","reviewed_by":"carol","reviewed_at":"2026-..."}

Units that somebody adds or removes meanwhile may be in it or not; all others are, once.
${databaseHelp}

Examples:
  $ cq-store export units.jsonl
  $ cq-store export | gzip > units.jsonl.gz
  $ cq-store export | jq -r 'select(.status == "approved") | .knowledge_unit.insight.summary'`,
    )
    .action(async (file: string, flags: ExportFlags) => {
      await using store = await openStore(existingDatabase(flags, environment))
      const count =
        file === '-'
          ? await exportToOutput(store)
          : await exportToFile(file, store, flags.force === true)
      process.stderr.write(`exported ${count} ${count === 1 ? 'unit' : 'units'}\n`)
    })
}

async function exportToOutput(store: Store): Promise<number> {
  using lines = new Lines(store, await progressOf(store, !process.stdout.isTTY))
  try {
    await pipeline(Readable.from(lines, { highWaterMark: 1 }), process.stdout)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EPIPE')
      throw new Error('the export is not whole: whoever read it stopped reading', { cause: error })
    throw error
  }
  return lines.count
}

async function exportToFile(path: string, store: Store, force: boolean): Promise<number> {
  using lines = new Lines(store, await progressOf(store, true))
  await writeWholeFile(path, { force, mode: 0o666 }, (_temporary, file) => file.writeFile(lines))
  return lines.count
}

/** A bar where somebody looks at it, and the output does not run through it. */
async function progressOf(store: Store, mayShow: boolean): Promise<Progress> {
  const isShown = mayShow && process.stderr.isTTY
  const total = isShown ? await store.count() : 0
  return new Progress({ doing: 'exporting', unit: 'units', total, isShown })
}

/** All units as text, read from the store as fast as it is taken. */
class Lines implements AsyncIterable<string>, Disposable {
  count = 0
  readonly #store: Store
  readonly #progress: Progress

  constructor(store: Store, progress: Progress) {
    this.#store = store
    this.#progress = progress
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string> {
    for await (const items of pages(this.#store)) {
      yield items.map((item) => `${JSON.stringify(item)}\n`).join('')
      this.count += items.length
      this.#progress.reach(this.count)
    }
  }

  [Symbol.dispose](): void {
    this.#progress[Symbol.dispose]()
  }
}

async function* pages(store: Store) {
  let after = ''
  for (;;) {
    const page = await store.exportUnits({ after, limit: unitsAtOnce })
    const last = page.at(-1)?.knowledge_unit.id
    if (last === undefined) return
    yield page
    // Else it would never end: units are ordered by their rows' ids, and told with their documents'.
    if (last <= after)
      throw new Error(
        `the unit ${last} has another id in its document than in its row; cq-store check tells more`,
      )
    after = last
  }
}
