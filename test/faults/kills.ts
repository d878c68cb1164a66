import { spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { randomNumbers } from '../../bench/corpus.ts'
import { issueApiKey } from '../../src/credentials/issuing.ts'
import { SqliteStore } from '../../src/index.ts'
import { parseTtl } from '../../src/knowledge/ttl.ts'
import { RunningCommand } from '../cli/command.ts'
import { unitId } from '../store/samples.ts'
import { openLedger } from './processes/ledger.ts'

/** Processes that are killed while they write, and what is found of their writes afterwards. */

export interface KillFigures {
  readonly rounds: number
  readonly acknowledged: number
  /** What must not be: a write that is lost, or half of one. */
  readonly faults: readonly string[]
}

export interface KillOptions {
  /** An empty one. */
  readonly directory: string
  readonly rounds: number
  readonly seed: number
}

const log = { warn() {}, error() {} }

/** Kills a process that has the library write, at any moment from its start on. */
export async function killLibrary({ directory, rounds, seed }: KillOptions): Promise<KillFigures> {
  const path = join(directory, 'library.db')
  const script = fileURLToPath(new URL('./processes/killed-writes.ts', import.meta.url))
  const random = randomNumbers(seed)
  const faults: string[] = []
  let acknowledged = 0
  let first = 5
  let confirmations = { least: 1, most: 1 }
  for (let round = 0; round < rounds; round++) {
    const told = await toldUntilKilled(script, [path, `${first}`], random)
    const sent = told.filter(([what]) => what === 'sent')
    const done = told.filter(([what]) => what === 'done')
    acknowledged += done.length
    first = Math.max(first, ...sent.map(([, , number]) => Number(number) + 5))
    const count = (some: string[][]) => some.filter(([, kind]) => kind === 'confirm').length
    const found = await lookInto(path, sent, done)
    faults.push(...found.faults.map((fault) => `library, round ${round} of seed ${seed}: ${fault}`))
    confirmations = {
      least: confirmations.least + count(done),
      most: confirmations.most + count(sent),
    }
    const { confirmed } = found
    if (confirmed !== undefined) {
      if (confirmed < confirmations.least || confirmed > confirmations.most)
        faults.push(
          `library, round ${round} of seed ${seed}: ${confirmed} confirmations, and ` +
            `${confirmations.least} to ${confirmations.most} are right`,
        )
      confirmations = { least: confirmed, most: confirmed }
    }
  }
  return { rounds, acknowledged, faults }
}

/** The words of each line that a process writes until it is killed, at any moment from its start on. */
async function toldUntilKilled(
  script: string,
  args: readonly string[],
  random: () => number,
): Promise<string[][]> {
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NODE_NO_WARNINGS: '1' },
  })
  const told: string[][] = []
  const lines = createInterface({ input: child.stdout })
  const ended = once(lines, 'close')
  const begun = Promise.withResolvers<void>()
  lines.on('line', (line) => {
    begun.resolve()
    told.push(line.split(' '))
  })
  // Mostly while it writes, and now and then before that.
  if (random() < 0.9) await Promise.race([begun.promise, ended])
  await delay(random() * 300)
  child.kill('SIGKILL')
  await ended
  return told
}

async function lookInto(path: string, sent: string[][], done: string[][]) {
  const faults: string[] = []
  await using store = await SqliteStore.open({ path, log, readers: 1, rankers: 0 })
  const isDone = new Set(done.map(([, , number]) => number))
  for (const [, kind = '', text = ''] of sent) {
    const number = Number(text)
    const numbers = kind === 'many' ? [0, 1, 2, 3, 4].map((more) => number + more) : [number]
    if (kind === 'confirm') continue
    const found = await Promise.all(numbers.map((one) => store.getReviewStatus(unitId(one))))
    const count = found.filter((one) => one !== null).length
    if (isDone.has(text) && count < numbers.length) faults.push(`${kind} ${number} is lost`)
    if (count !== 0 && count !== numbers.length) faults.push(`half of ${kind} ${number} is there`)
    if (isDone.has(text) && kind === 'decide' && found[0]?.status !== 'approved')
      faults.push(`the decision of ${number} is lost`)
  }
  const confirmed = (await store.get(unitId(0)))?.evidence.confirmations
  return { faults, confirmed }
}

/** Kills a program with a schema of its own, whose operations move money between accounts. */
export async function killLedger({ directory, rounds, seed }: KillOptions): Promise<KillFigures> {
  const path = join(directory, 'ledger.db')
  const script = fileURLToPath(new URL('./processes/ledger.ts', import.meta.url))
  const random = randomNumbers(seed)
  const faults: string[] = []
  let acknowledged = 0
  let first = 0
  for (let round = 0; round < rounds; round++) {
    const told = await toldUntilKilled(script, [path, `${first}`], random)
    const done = told.filter(([what]) => what === 'done').map(([, id]) => Number(id))
    acknowledged += done.length
    first = Math.max(first, ...told.map(([, id]) => Number(id) + 1))
    await using ledger = await openLedger(path)
    const there = await Promise.all(done.map((id) => ledger.has(id)))
    const lost = done.filter((_, index) => !there[index])
    const wrong = await ledger.wrongAccounts()
    const place = `ledger, round ${round} of seed ${seed}`
    if (lost.length > 0) faults.push(`${place}: the transfers ${lost} are lost`)
    if (wrong.length > 0) faults.push(`${place}: half of a transfer is there`)
  }
  return { rounds, acknowledged, faults }
}

/** Kills `cq-store serve` while agents propose units. */
export async function killServer({ directory, rounds, seed }: KillOptions): Promise<KillFigures> {
  const path = join(directory, 'server.db')
  const random = randomNumbers(seed)
  const pepper = randomBytes(32).toString('base64url')
  const key = await makeKey(path, pepper)
  const faults: string[] = []
  let acknowledged = 0
  for (let round = 0; round < rounds; round++) {
    const ids: string[] = []
    {
      await using command = new RunningCommand({
        args: ['serve', '--port', '0', '--log-level', 'info'],
        environment: {
          CQ_DB_PATH: path,
          CQ_JWT_SECRET: randomBytes(48).toString('base64url'),
          CQ_API_KEY_PEPPER: pepper,
        },
      })
      const [, url] = await command.tells(/listening at (http:[^"]+)/)
      let goesOn = true
      const agent = async () => {
        while (goesOn) {
          const id = await propose(url ?? '', key).catch(() => undefined)
          if (id !== undefined) ids.push(id)
        }
      }
      const agents = Promise.all(Array.from({ length: 8 }, agent))
      await delay(random() * 400)
      command.process.kill('SIGKILL')
      goesOn = false
      await agents
    }
    acknowledged += ids.length
    await using store = await SqliteStore.open({ path, log, readers: 1, rankers: 0 })
    const found = await Promise.all(ids.map((id) => store.getAny(id)))
    const lost = ids.filter((_, index) => found[index] === null)
    if (lost.length > 0)
      faults.push(`server, round ${round} of seed ${seed}: ${lost.length} units are lost`)
  }
  return { rounds, acknowledged, faults }
}

/** How many proposals are made in a round of `killRetries`. */
const retriedAtOnce = 50

/**
 * Kills `cq-store serve` while agents propose units, each of which tries again with the same key until it is answered
 * 201: there must be as many units as there were keys.
 */
export async function killRetries({ directory, rounds, seed }: KillOptions): Promise<KillFigures> {
  const path = join(directory, 'retries.db')
  const random = randomNumbers(seed)
  const environment = {
    CQ_DB_PATH: path,
    CQ_JWT_SECRET: randomBytes(48).toString('base64url'),
    CQ_API_KEY_PEPPER: randomBytes(32).toString('base64url'),
  }
  const key = await makeKey(path, environment.CQ_API_KEY_PEPPER)
  const faults: string[] = []
  const ids = new Map<string, string>()
  for (let round = 0; round < rounds; round++) {
    const open = Array.from({ length: retriedAtOnce }, (_, number) => `round-${round}-${number}`)
    for (let isKilled = true; open.length > 0; isKilled = !isKilled) {
      await using command = new RunningCommand({
        args: ['serve', '--port', '0', '--log-level', 'info'],
        environment,
      })
      const [, url = ''] = await command.tells(/listening at (http:[^"]+)/)
      const agents = open.map(async (idempotencyKey) => {
        const id = await propose(url, key, idempotencyKey).catch(() => undefined)
        if (id === undefined) return
        const before = ids.get(idempotencyKey) ?? id
        if (before !== id) faults.push(`${idempotencyKey} is ${before} and ${id}`)
        ids.set(idempotencyKey, id)
      })
      if (isKilled) {
        await delay(random() * 60)
        command.process.kill('SIGKILL')
      }
      await Promise.all(agents)
      // Half of those that were answered are tried again, as if the answer had been lost.
      const left = open.filter((one) => !ids.has(one) || (isKilled && random() < 0.5))
      open.splice(0, open.length, ...left)
    }
  }
  await using store = await SqliteStore.open({ path, log, readers: 1, rankers: 0 })
  const count = await store.count()
  const keys = rounds * retriedAtOnce
  if (count !== keys || new Set(ids.values()).size !== keys)
    faults.push(`retries of seed ${seed}: ${count} units of ${keys} keys`)
  return { rounds, acknowledged: ids.size, faults }
}

/** An agent's API key, in a database that is made if need be. */
export async function makeKey(path: string, pepper: string): Promise<string> {
  await using store = await SqliteStore.open({ path, log, readers: 1, rankers: 0 })
  await store.createUser('agent', 'no hash')
  const id = (await store.getUser('agent'))?.id ?? 0
  const key = { name: 'key', labels: [], ttl: parseTtl('1d') }
  return (await issueApiKey(store, key, id, pepper, new Date())).token
}

/** Resolves to the unit's id, where that was acknowledged. */
export async function propose(
  url: string,
  key: string,
  idempotencyKey: string = randomUUID(),
): Promise<string | undefined> {
  const answer = await fetch(`${url}/api/v1/knowledge`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${key}`,
      'content-type': 'application/json',
      'idempotency-key': idempotencyKey,
    },
    body: JSON.stringify({
      domains: ['killed'],
      insight: { summary: 's', detail: 'd'.repeat(1_000), action: 'a' },
    }),
  })
  if (answer.status !== 201) return undefined
  return ((await answer.json()) as { id: string }).id
}
