import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { Corpus } from '../../bench/corpus.ts'
import { type HttpBenchOptions, runHttpBench } from '../../bench/http/http-bench.ts'
import { httpSection, httpTargets } from '../../bench/http/report.ts'
import { health, readRoutes, reviewStats } from '../../bench/http/routes.ts'
import { makeTemplate } from '../../bench/template.ts'
import { SqliteStore } from '../../src/index.ts'
import { createServer } from '../../src/server/index.ts'
import { apiKeyPepper, jwtSecret } from '../server/served-store.ts'
import { inventedHttp, inventedHttpFigures } from './invented-bench.ts'
import { leavesNothing } from './leaves-nothing.ts'

const entry = new URL('../../bench/contender-process.ts', import.meta.url)
const seed = 7
const quiet = () => {}

describe('the bench over HTTP', () => {
  const own = leavesNothing()

  /** As small as it can be; answers are counted, so that no time has a part in it. */
  async function tiny(): Promise<HttpBenchOptions> {
    const [path, units] = [own.file('a.db'), 200]
    await makeTemplate({ path, units, seed })
    return {
      connections: 4,
      seconds: 600,
      warmUpSeconds: 600,
      firstWarmUpSeconds: 600,
      requests: 8,
      rounds: 1,
      path,
      units,
      seed,
    }
  }

  test('measures every route, and says so in tables', async () => {
    const { signal } = new AbortController()
    const options = await tiny()
    const result = await runHttpBench(options, { entry, signal, onProgress: quiet })
    expect(result.routes.map(({ route }) => route)).toEqual(readRoutes.map(({ name }) => name))
    expect(result.rounds).toHaveLength(options.rounds)
    const measured = [
      ...result.routes.map(({ figures }) => figures),
      ...result.rounds.flatMap((round) => Object.values(round)),
    ]
    for (const figures of measured) {
      expect(figures.requests).toBeGreaterThanOrEqual(options.requests)
      expect(figures.perSecond).toBeGreaterThan(0)
      expect(figures.latency.p50).toBeGreaterThan(0)
      expect(figures.bytes).toBeGreaterThan(0)
      expect(figures.clientCpu).toBeGreaterThanOrEqual(0)
      expect(figures.rss).toBeGreaterThan(0)
    }
    const section = httpSection(result)
    for (const { name } of readRoutes) expect(section).toContain(`| \`${name}\` |`)
    expect(section).not.toMatch(/NaN|undefined|Infinity/)
    // Of so few requests, the event loop may have had nothing to tell.
    const [told] = httpTargets(result)
    expect(told?.verdict).toMatch(/reached|missed/)
    expect(JSON.parse(JSON.stringify(result))).toEqual(result)
  })

  test('fails where an answer has another status than its route is to have', async () => {
    const { signal } = new AbortController()
    const { name, paths } = reviewStats
    const withoutLogin = { name, paths }
    await expect(
      runHttpBench(await tiny(), { entry, signal, onProgress: quiet }, [health, withoutLogin]),
    ).rejects.toThrow(/GET \/api\/v1\/review\/stats: .*answered 401, expected 200/)
  })

  test('ends when it is interrupted, in the middle of a load that would go on', async () => {
    const interruption = new AbortController()
    const reason = new Error('enough')
    const endless = { ...(await tiny()), requests: Number.MAX_SAFE_INTEGER }
    const running = runHttpBench(endless, {
      entry,
      signal: interruption.signal,
      onProgress: (text) => {
        if (text.includes(health.name)) setImmediate(() => interruption.abort(reason))
      },
    })
    await expect(running).rejects.toBe(reason)
  })
})

describe('the routes of the bench', () => {
  test('are every one that the server offers for reading', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'cq-store-test-bench-routes-'))
    try {
      await using store = await SqliteStore.open({ path: join(directory, 'a.db'), readers: 1 })
      await using server = await createServer({ store, jwtSecret, apiKeyPepper })
      const { paths } = (await server.inject('/openapi.json')).json<{
        paths: Record<string, Record<string, unknown>>
      }>()
      const offered = Object.entries(paths)
        .filter(([, methods]) => 'get' in methods)
        .map(([path]) => path)
      const corpus = new Corpus(200, seed)
      const asked = readRoutes.map((route) => route.paths(corpus)[0]?.split('?', 1)[0] ?? '')
      for (const path of offered) {
        // What is served under both mounts is one route.
        const bare = path.replace(/^\/api\/v1/, '').replace(/\{\w+\}/, '[^/]+')
        const pattern = new RegExp(`^(/api/v1)?${bare}$`)
        expect(
          asked.some((one) => pattern.test(one)),
          path,
        ).toBe(true)
      }
      expect(offered).toContain('/api/v1/knowledge')
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  test('ask for a thousand different things where there are as many', () => {
    const corpus = new Corpus(2_000, seed)
    for (const name of ['GET /api/v1/knowledge', 'GET /api/v1/review/:unit_id']) {
      const paths = readRoutes.find((route) => route.name === name)?.paths(corpus) ?? []
      expect(paths).toHaveLength(1_000)
      expect(new Set(paths).size).toBeGreaterThan(750)
      expect(paths).toEqual(readRoutes.find((route) => route.name === name)?.paths(corpus))
    }
  })
})

describe('the targets over HTTP', () => {
  const verdictOf = (result: Parameters<typeof httpTargets>[0], part: string) =>
    httpTargets(result).find(({ what }) => what.includes(part))?.verdict

  test('compare queries with what does nothing, in requests per second', () => {
    const [round] = inventedHttp().rounds
    const asked = (perSecond: number) =>
      inventedHttp({
        rounds: round ? [{ ...round, knowledge: inventedHttpFigures({ perSecond }) }] : [],
      })
    expect(verdictOf(asked(6_000), 'requests/s against')).toBe('reached')
    expect(verdictOf(asked(5_999), 'requests/s against')).toBe('missed')
    expect(verdictOf(inventedHttp({ rounds: [] }), 'requests/s against')).toBe('not measured')
  })

  test('compare the delay of the event loop round by round', () => {
    const [round] = inventedHttp().rounds
    const late = (p99: number) =>
      round && {
        ...round,
        knowledge: inventedHttpFigures({ eventLoopDelay: { p50: 0, p99, max: p99 } }),
      }
    const result = (...delays: number[]) =>
      inventedHttp({ rounds: delays.map(late).filter((one) => one !== undefined) })
    expect(verdictOf(result(3, 3, 100), 'event-loop delay')).toBe('reached')
    expect(verdictOf(result(3.1, 3.1, 0), 'event-loop delay')).toBe('missed')
  })
})
