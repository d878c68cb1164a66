import type { Command } from 'commander'
import { InvalidArgumentError, Option } from 'commander'
import { type Decision, type UnitStatus, unitStatuses } from '../knowledge/records.ts'
import type { DecisionOutcome, ReviewItem, Store } from '../store.ts'
import {
  addDatabaseOptions,
  databaseHelp,
  existingDatabase,
  openStore,
  openToRead,
} from './open-store.ts'
import { printJson } from './output.ts'
import type { DatabaseSettings } from './settings.ts'
import { textTable } from './text-table.ts'
import { requireUser } from './user.ts'

interface ListFlags extends DatabaseSettings {
  readonly status: UnitStatus
  readonly domain?: string
  readonly text?: string
  readonly limit: number
  readonly json?: true
}

interface DecideFlags extends DatabaseSettings {
  readonly as: string
}

/** Adds `review` and its subcommands. */
export function addReviewCommand(program: Command, environment: NodeJS.ProcessEnv): void {
  const review = program.command('review').description('Review units in the terminal.')

  const list = review
    .command('list')
    .description('List units, by default those that are pending, oldest first.')
    .addOption(new Option('--status <status>').choices(unitStatuses).default('pending'))
    .option('--domain <domain>', 'only units with this domain')
    .option('--text <words>', 'only units that have all of these words')
    .option('--limit <count>', 'how many at most', parseLimit, 50)
    .option('--json', 'as a JSON array of whole units with their review state')
  addDatabaseOptions(list)
    .addHelpText(
      'after',
      `${databaseHelp}

Examples:
  $ cq-store review list
  $ cq-store review list --domain sqlite --limit 500
  $ cq-store review list --json | jq -r '.[].knowledge_unit.insight.action'`,
    )
    .action(async (flags: ListFlags) => {
      await using store = await openToRead(existingDatabase(flags, environment))
      const items = await browse(store, flags)
      if (flags.json) {
        printJson(items)
        return
      }
      const rows = items.map(({ knowledge_unit: { id, domains, created_by, insight } }) => [
        id,
        created_by ?? '',
        domains.join(', '),
        insight.summary,
      ])
      process.stdout.write(textTable(['ID', 'PROPOSED BY', 'DOMAINS', 'SUMMARY'], rows))
    })

  const decide = (name: string, decision: Decision, description: string) => {
    const command = review
      .command(name)
      .description(description)
      .argument('<id...>', 'their ids')
      .requiredOption('--as <user>', 'the user who decides')
    addDatabaseOptions(command)
      .addHelpText(
        'after',
        `
Units that were decided already, or that the user may not decide, are named, and the exit code is 1.
${databaseHelp}

Examples:
  $ cq-store review ${name} --as carol ku_0123456789abcdef0123456789abcdef
  $ cq-store review list --domain sqlite --json | jq -r '.[].knowledge_unit.id' |
      xargs cq-store review ${name} --as carol`,
      )
      .action(async (ids: string[], flags: DecideFlags) => {
        await using store = await openStore(existingDatabase(flags, environment))
        await requireUser(store, flags.as)
        await decideAll(store, [...new Set(ids)], decision, flags.as)
      })
  }
  decide('approve', 'approved', 'Approve pending units.')
  decide('reject', 'rejected', 'Reject pending units.')
}

function parseLimit(text: string): number {
  const limit = Number(text)
  if (Number.isInteger(limit) && limit >= 1) return limit
  throw new InvalidArgumentError('it must be a positive integer.')
}

/** Up to so many units, from as many pages as that takes. */
async function browse(store: Store, flags: ListFlags): Promise<ReviewItem[]> {
  const { status, domain, text, limit } = flags
  const items: ReviewItem[] = []
  let cursor: string | null = ''
  while (cursor !== null && items.length < limit) {
    const most = Math.min(limit - items.length, 500)
    const options = { status, domain, text, order: 'oldest', cursor, limit: most } as const
    const page = await store.browseUnits(options)
    items.push(...page.items)
    cursor = page.next_cursor
  }
  return items
}

/** How many are decided in one transaction. */
const decidedAtOnce = 500

/** @throws {Error} that names the units which were not decided */
async function decideAll(
  store: Store,
  ids: readonly string[],
  decision: Decision,
  user: string,
): Promise<void> {
  const role = await store.roleOf(user)
  if (role === 'member')
    throw new Error(`${user} is a member, and only reviewers and admins decide`)
  const faults: string[] = []
  for (let at = 0; at < ids.length; at += decidedAtOnce) {
    const input = { decision, reviewedBy: user, ownProposals: role === 'admin' }
    for (const outcome of await store.decideMany(ids.slice(at, at + decidedAtOnce), input))
      if (outcome.outcome === 'decided') process.stdout.write(`${decision} ${outcome.unit_id}\n`)
      else faults.push(`${outcome.unit_id} ${faultOf(outcome)}`)
  }
  if (faults.length > 0) throw new Error(faults.join('; '))
}

function faultOf({ outcome, status, reviewed_by }: DecisionOutcome): string {
  if (outcome === 'not_found') return 'does not exist'
  if (outcome === 'forbidden')
    return 'was proposed by the same user, so that another one must decide'
  return `is ${status} already${reviewed_by === null ? '' : ` by ${reviewed_by}`}`
}
