import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SqliteStore } from '../../src/index.ts'
import { type Collation, dropDatabase, makeDatabase, query } from '../postgres/databases.ts'
import { sampleUnit, unitId } from '../store/samples.ts'
import { type Outcome, RunningCommand, runCommand } from './command.ts'

const now = new Date('2026-11-22T12:00:00Z')
const secrets = {
  CQ_JWT_SECRET: 'signs what the tests of the command line log in with',
  CQ_API_KEY_PEPPER: 'hashes the keys that the tests of the command line make',
}

let directory: string
const urls: string[] = []
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cq-store-cli-'))
})
afterEach(async () => {
  await rm(directory, { recursive: true, force: true })
  for (const url of urls.splice(0)) await dropDatabase(url)
})

async function database(collation?: Collation): Promise<string> {
  const url = await makeDatabase(collation)
  urls.push(url)
  return url
}

/** Runs a command on a database; its password, were there one, would be `s3cr3t`. */
const run = (url: string, args: readonly string[], input = ''): Promise<Outcome> =>
  runCommand({
    args,
    environment: { ...secrets, CQ_DATABASE_URL: url.replace('cq@', 'cq:s3cr3t@') },
    input,
  })

/** What a command prints that goes well. */
async function printed(url: string, args: readonly string[], input?: string): Promise<string> {
  const { code, stdout, stderr } = await run(url, args, input)
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout + stderr).not.toContain('s3cr3t')
  return stdout
}

describe('on PostgreSQL', () => {
  it('migrate shows what it would do, does it, and finds it done', async () => {
    const url = await database()
    const name = new URL(url).pathname.slice(1)
    const dry = await printed(url, ['migrate', '--dry-run'])
    expect(dry).toMatch(/^PostgreSQL database .* at 127\.0\.0\.1:\d+: a new database\n/)
    expect(dry).toContain(name)
    expect(dry).toContain('6 steps pending; nothing was changed')
    expect(await query(url, "select 1 from pg_tables where schemaname = 'public'")).toEqual([])
    expect(await printed(url, ['migrate'])).toContain('applied 6 steps')
    expect(await printed(url, ['migrate'])).toContain('it is up to date')
    expect(JSON.parse(await printed(url, ['migrate', '--json']))).toMatchObject({
      kind: 'stamped',
      steps: Array(6).fill({ state: 'done' }),
    })
  })

  it('users, keys and units are managed as in a file', async () => {
    const url = await database()
    await printed(url, ['user', 'add', 'carol', '--password-stdin'], 'correct horse battery\n')
    const again = await run(url, ['user', 'add', 'carol', '--password-stdin'], 'other\n')
    expect(again).toMatchObject({ code: 1, stderr: expect.stringContaining('already exists') })
    expect(JSON.parse(await printed(url, ['user', 'list', '--json']))).toMatchObject([
      { username: 'carol' },
    ])
    const create = ['key', 'create', 'carol', '--name', 'laptop', '--ttl', '30d']
    expect(await printed(url, create)).toMatch(/^cqa\.v1\./)
    const [key] = JSON.parse(await printed(url, ['key', 'list', 'carol', '--json']))
    await printed(url, ['key', 'revoke', 'carol', key.id])
    const line = JSON.stringify({ knowledge_unit: sampleUnit(unitId(1), now), status: 'approved' })
    expect(await printed(url, ['import', '-'], line)).toContain('stored 1 unit')
    const removed = await run(url, ['unit', 'remove', '--yes', unitId(1)])
    expect(removed).toMatchObject({
      code: 0,
      stdout: `removed unit ${unitId(1)}\n`,
      stderr: expect.stringContaining('VACUUM'),
    })
    expect(await printed(url, ['export'])).toBe('')
    await printed(url, ['user', 'remove', 'carol', '--yes'])
    expect(JSON.parse(await printed(url, ['user', 'list', '--json']))).toEqual([])
  })

  it('serve answers, and ends at a signal', async () => {
    const url = await database()
    await printed(url, ['user', 'add', 'carol', '--password-stdin'], 'correct horse battery\n')
    const token = await printed(url, ['key', 'create', 'carol', '--name', 'a', '--ttl', '1d'])
    await using server = new RunningCommand({
      args: ['serve', '--port', '0', '--log-format', 'json'],
      environment: { ...secrets, CQ_DATABASE_URL: url },
    })
    const [, base = ''] = await server.tells(/listening at (http:\/\/[\d.:]+)/)
    expect((await fetch(`${base}/ready`)).status).toBe(200)
    const proposed = await fetch(`${base}/api/v1/knowledge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token.trim()}` },
      body: JSON.stringify({
        domains: ['postgres'],
        insight: { summary: 'Summary', detail: 'Detail', action: 'Action' },
      }),
    })
    expect(proposed.status).toBe(201)
    const { id } = (await proposed.json()) as { readonly id: string }
    await query(url, "update knowledge_units set status = 'approved' where id = $1", [id])
    const found = await fetch(`${base}/api/v1/knowledge?domains=postgres`)
    expect(await found.json()).toMatchObject({ data: [{ id }] })
    const metrics = await (await fetch(`${base}/metrics`)).text()
    expect(metrics).toMatch(/cq_store_lane_calls_total\{lane="write"\} [1-9]/)
    server.process.kill('SIGTERM')
    expect(await server.outcome).toMatchObject({ code: 0, signal: null })
  })

  it.each([
    [['serve', '--dev'], /--dev is for database files/],
    [['serve', '--quick-check'], /--quick-check is for database files/],
    [['serve', '--durability', 'full'], /--durability is for database files/],
    [['backup', 'copy.db'], /pg_dump/],
    [['restore', 'copy.db'], /pg_restore/],
  ])('%j is refused, and says what to do', async (args, message) => {
    const { code, stderr } = await run('postgresql://cq@127.0.0.1:1/cq', args)
    expect(code).toBe(2)
    expect(stderr).toMatch(message)
    expect(stderr).not.toContain('s3cr3t')
  })

  it.each([
    ['postgresql://cq@127.0.0.1:1/cq', 1, /cannot be reached.*ECONNREFUSED/],
    ['postgresql://cq@127.0.0.1:none/cq', 1, /percent-encoded/],
    ['postgresql://cq@one,two/cq', 1, /one host/],
  ])('a database that is %s is told without the password', async (url, status, message) => {
    const all = [['migrate'], ['export'], ['serve', '--port', '0']]
    for (const args of all) {
      const { code, stdout, stderr } = await run(url, args)
      expect([args[0], code]).toEqual([args[0], status])
      expect(stderr).toMatch(message)
      expect(stdout + stderr).not.toContain('s3cr3t')
    }
  })

  it('check names what is wrong, and --rebuild counts anew', async () => {
    const url = await database()
    const lines = [1, 2, 3].map((number) =>
      JSON.stringify({ knowledge_unit: sampleUnit(unitId(number), now), status: 'approved' }),
    )
    await printed(url, ['import', '-'], lines.join('\n'))
    expect(await printed(url, ['check'])).not.toContain('WRONG')
    await query(url, "delete from cq_store_count_slots where kind = 'status'")
    await query(url, 'alter table knowledge_units disable trigger cq_store_removed')
    await query(url, "insert into knowledge_units (id, data) values ('odd', 'no JSON')")
    const { code, stdout } = await run(url, ['check'])
    expect(code).toBe(1)
    expect(stdout).toMatch(/cq_store_counts lacks \{"kind":"status","name":"approved","count":3\}/)
    expect(stdout).toMatch(/the trigger cq_store_removed is disabled/)
    expect(stdout).toMatch(/odd.*is left out of answers/)
    await query(url, 'alter table knowledge_units enable trigger cq_store_removed')
    await query(url, "delete from knowledge_units where id = 'odd'")
    expect(await printed(url, ['check', '--rebuild'])).toMatch(/rebuilt cq_store_count_slots/)
    expect(await printed(url, ['check'])).not.toContain('WRONG')
  })

  it.each<Collation>(['C', 'ICU'])(
    'units move from a file to a database that sorts by %s, and back, with their review states',
    async (collation) => {
      const [before, after] = [join(directory, 'before.db'), join(directory, 'after.db')]
      {
        await using store = await SqliteStore.open({ path: before, readers: 1 })
        const domains = ['B', 'a', '_x', 'é', '😀']
        await store.importUnits(
          domains.map((domain, number) => ({
            knowledge_unit: sampleUnit(`ku_${`${number}`.repeat(32)}`, now, {
              domains: [domain.toLowerCase(), 'all'],
              created_by: number === 0 ? null : `agent ${domain}`,
              extensions: number === 1 ? { 'x:team': { deep: [1, 'two', null] } } : null,
            }),
            status: (['pending', 'approved', 'rejected', 'approved', 'approved'] as const)[number],
            reviewed_by: number === 0 ? null : 'carol',
            ...(number === 4 && { reviewed_at: null }),
          })),
        )
        await store.flag(`ku_${'1'.repeat(32)}`, { reason: 'stale', detail: 'Es ist „alt“.' })
      }
      const url = await database(collation)
      const file = join(directory, 'units.jsonl')
      const path = (name: string) => ['--db-path', name]
      const exported = (await runCommand({ args: ['export', ...path(before)] })).stdout
      expect(exported.split('\n')).toHaveLength(6)
      await writeFile(file, exported)
      expect(await printed(url, ['import', file, '--dry-run'])).toContain('would be 5 units')
      await printed(url, ['import', file])
      expect(await printed(url, ['import', file, '--skip-existing'])).toContain('left out 5')
      expect(await printed(url, ['export'])).toBe(exported)
      await printed(url, ['export', '--force', file])
      const back = await runCommand({ args: ['import', file, ...path(after)] })
      expect(back.code).toBe(0)
      expect((await runCommand({ args: ['export', ...path(after)] })).stdout).toBe(exported)
      expect(await readFile(file, 'utf8')).toBe(exported)
      expect(await printed(url, ['check'])).not.toContain('WRONG')
    },
  )
})
