import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chownSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PostgresStore } from '../../src/postgres/store.ts'
import { FreshNames } from '../store/contract/fresh-names.ts'
import { sampleUnit } from '../store/samples.ts'
import { dropDatabase, makeDatabase } from './databases.ts'
import { freePort, runner } from './server.ts'

const isInstalled = spawnSync('pgbouncer', ['--version']).status === 0
const now = new Date('2026-11-22T12:00:00Z')

/** PgBouncer hands out connections of the server by transaction: nothing may be left in a session. */
describe.runIf(isInstalled)('through PgBouncer in transaction mode', () => {
  let direct: string
  let url: string
  let folder: string
  let bouncer: ChildProcess

  beforeAll(async () => {
    direct = await makeDatabase()
    const { hostname, port, pathname, username } = new URL(direct)
    const name = pathname.slice(1)
    folder = mkdtempSync(join(tmpdir(), 'cq-store-pgbouncer-'))
    const own = await freePort()
    const file = join(folder, 'pgbouncer.ini')
    writeFileSync(join(folder, 'users.txt'), `"${username}" ""\n`)
    writeFileSync(
      file,
      `[databases]
${name} = host=${hostname} port=${port} dbname=${name} user=${username}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${own}
unix_socket_dir =
auth_type = any
auth_file = ${join(folder, 'users.txt')}
pool_mode = transaction
default_pool_size = 3
`,
    )
    if (runner.uid !== undefined) chownSync(folder, runner.uid, runner.gid)
    bouncer = spawn('pgbouncer', [file], { ...runner, stdio: ['ignore', 'ignore', 'pipe'] })
    await new Promise<void>((resolve, reject) => {
      let log = ''
      bouncer.stderr?.setEncoding('utf8').on('data', (text: string) => {
        log += text
        if (/process up/.test(log)) resolve()
      })
      bouncer.once('exit', () => reject(new Error(`PgBouncer did not start: ${log}`)))
    })
    url = `postgresql://${username}@127.0.0.1:${own}/${name}`
  })
  afterAll(async () => {
    const exited = new Promise((resolve) => bouncer.once('exit', resolve))
    bouncer.kill('SIGKILL')
    await exited
    rmSync(folder, { recursive: true, force: true })
    await dropDatabase(direct)
  })

  it('several stores write, read and query at the same time', async () => {
    const options = { url, preparedStatements: false }
    const stores = await Promise.all([
      PostgresStore.open(options),
      PostgresStore.open({ url: `${url}?prepared_statements=false&pipeline=false` }),
    ])
    const fresh = new FreshNames()
    const story = async (number: number) => {
      const store = stores[number % 2] as PostgresStore
      const domain = fresh.domain()
      const unit = sampleUnit(fresh.unitId(), now, { domains: [domain] })
      await store.insert(unit)
      expect(await store.getAny(unit.id)).toEqual(unit)
      await store.decide(unit.id, 'approved', 'carol')
      expect(await store.query([domain])).toEqual([unit])
      const confirmed = await store.confirm(unit.id)
      expect(await store.get(unit.id)).toEqual(confirmed)
      expect((await store.listUnits({ domain })).length).toBe(1)
    }
    for (let round = 0; round < 5; round++)
      await Promise.all(Array.from({ length: 20 }, (_, number) => story(number)))
    expect((await stores[0].reviewStats()).counts.approved).toBe(100)
    for (const store of stores) await store.close()
  })
})
