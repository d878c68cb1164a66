// What MCP costs beside REST, on the same server: `npm run bench:mcp`.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import autocannon from 'autocannon'
import { Corpus } from '../corpus.ts'
import type { ServerTasks } from '../http/server-process.ts'
import { TaskProcess } from '../task-process.ts'
import { makeTemplate } from '../template.ts'

const rounds = 7
const seconds = 3
const inFlight = 32
const units = 10_000
const seed = 1
const patience = 120

/** Requests per second of a contender in one round. */
type Measure = () => Promise<number>

interface Figures {
  readonly perSecond: number
  /** Of the server's main thread, for each request. */
  readonly microseconds: number
}

const folder = await mkdtemp(join(tmpdir(), 'cq-store-bench-mcp-'))
const path = join(folder, 'cq.db')
const processes = new AsyncDisposableStack()
const figures: Record<string, Figures[]> = {}
try {
  await makeTemplate({ path, units, seed })
  const server = processes.use(
    new TaskProcess<ServerTasks>(
      new URL('../http/server-process.ts', import.meta.url),
      new AbortController().signal,
    ),
  )
  const { url } = await server.perform('serve', { path, units, seed, pending: 0 }, patience)
  const domains = new Corpus(units, seed).popularDomains(20)
  const client = new Client({ name: 'bench', version: '1' })
  await client.connect(new StreamableHTTPClientTransport(new URL(`${url}/mcp`)) as never)
  const contenders: Readonly<Record<string, Measure>> = {
    'REST, by fetch': () => keepAsking((at) => askRest(url, at)),
    "MCP, by the SDK's client": () =>
      keepAsking(async (at) => {
        const { isError } = await client.callTool({ name: 'query', arguments: argumentsAt(at) })
        if (isError) throw new Error('a call failed')
      }),
    'REST, by autocannon': () =>
      fire(
        url,
        domains.map((_, at) => ({ method: 'GET', path: restPath(at) })),
      ),
    'MCP, by autocannon': () =>
      fire(
        url,
        domains.map((_, at) => mcpRequest(at)),
      ),
  }

  function argumentsAt(at: number) {
    const pair = [domains[at % domains.length], domains[(at + 7) % domains.length]] as string[]
    return { domains: pair, limit: 5 }
  }
  function restPath(at: number): string {
    const parameters = argumentsAt(at).domains.map((name) => `domains=${encodeURIComponent(name)}`)
    return `/api/v1/knowledge?${parameters.join('&')}&limit=5`
  }
  async function askRest(base: string, at: number): Promise<void> {
    const answer = await fetch(base + restPath(at))
    if (answer.status !== 200) throw new Error(`answered ${answer.status}`)
    await answer.json()
  }
  function mcpRequest(at: number): autocannon.Request {
    const call = { name: 'query', arguments: argumentsAt(at) }
    return {
      method: 'POST',
      path: '/mcp',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2025-11-25',
      },
      body: JSON.stringify({ jsonrpc: '2.0', id: at, method: 'tools/call', params: call }),
    }
  }

  // What answers them is compiled in the first round, which does not count.
  for (let round = 0; round <= rounds; round++)
    for (const [name, measure] of Object.entries(contenders)) {
      await server.perform('begin', null, patience)
      const perSecond = await measure()
      const { cpu } = await server.perform('end', null, patience)
      const microseconds = (cpu.mainThread ?? cpu.process) / (perSecond * seconds)
      if (round > 0) figures[name] = [...(figures[name] ?? []), { perSecond, microseconds }]
    }
  await client.close()
} finally {
  await processes.disposeAsync()
  await rm(folder, { recursive: true, force: true })
}

/** Calls per second, with so many in flight, each asking again once it is answered. */
async function keepAsking(ask: (at: number) => Promise<void>): Promise<number> {
  let answers = 0
  const begun = performance.now()
  const isOver = () => performance.now() - begun > seconds * 1_000
  await Promise.all(
    Array.from({ length: inFlight }, async (_, place) => {
      for (let at = place; !isOver(); at += inFlight + 1) {
        await ask(at)
        answers++
      }
    }),
  )
  return answers / ((performance.now() - begun) / 1_000)
}

async function fire(url: string, requests: autocannon.Request[]): Promise<number> {
  const result = await autocannon({ url, connections: inFlight, duration: seconds, requests })
  if (result.non2xx + result.errors > 0) throw new Error('not every request was answered')
  return result.requests.total / result.duration
}

const sorted = (all: readonly number[]) => [...all].sort((one, other) => one - other)
const median = (all: readonly number[]) => sorted(all)[Math.floor(all.length / 2)] as number
const whole = (number: number) => String(Math.round(number))
const names = Object.keys(figures)
const all = (name: string | undefined, figure: keyof Figures) =>
  figures[name as string]?.map((round) => round[figure]) ?? []
const cells = (values: readonly number[]) =>
  `${whole(median(values))} | ${whole(Math.min(...values))} to ${whole(Math.max(...values))}`
const rows = names.map(
  (name) => `| ${name} | ${cells(all(name, 'perSecond'))} | ${cells(all(name, 'microseconds'))} |`,
)
/** MCP against REST, in each round. */
const ratioRow = (what: string, [rest, mcp]: readonly string[]) => {
  const ratios = all(mcp, 'perSecond').map(
    (perSecond, round) => perSecond / (all(rest, 'perSecond')[round] as number),
  )
  const range = `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`
  const ratio = `${median(ratios).toFixed(2)} ×`
  return `| ${what} | ≥ 0.5 × | ${median(ratios) < 0.5 ? `**${ratio}**` : ratio} | ${range} |`
}
const text = `# MCP

Queries of two popular domains by MCP and by REST, on one server in a process of its own, over ${units} units in SQLite;
${inFlight} in flight; ${rounds} rounds of ${seconds} s each in turns, on ${cpus().length} cores that server and clients share (${cpus()[0]?.model},
Node ${process.versions.node}). Made by \`npm run bench:mcp\`.

| | requests per second | range | µs of the server's main thread for each | range |
|---|---:|---:|---:|---:|
${rows.join('\n')}

| MCP against REST | target | median | range |
|---|---:|---:|---:|
${ratioRow("as programs see it: the SDK's client against fetch", names.slice(0, 2))}
${ratioRow('as the server sees it: the same requests by autocannon', names.slice(2))}

An answer of MCP has each unit twice, as text and as structured content.
`
await writeFile(new URL('../results/mcp.md', import.meta.url), text)
process.stdout.write(text)
