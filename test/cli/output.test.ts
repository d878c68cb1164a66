import { once } from 'node:events'
import { readFile, truncate, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SqliteStore } from '../../src/sqlite/store.ts'
import { onDatabase } from '../sqlite/migrations/database-file.ts'
import { TemporaryDirectory } from '../sqlite/temporary-directory.ts'
import { sampleUnit, unitId } from '../store/samples.ts'
import { RunningCommand, runCommand } from './command.ts'

let directory: TemporaryDirectory
let path: string
beforeAll(async () => {
  directory = await TemporaryDirectory.create()
  path = directory.file('cq.db')
  await using store = await SqliteStore.open({ path, readers: 1 })
  await store.createUser('carol', 'hash')
  await store.insert(sampleUnit(unitId(1), new Date()))
})
afterAll(() => directory[Symbol.asyncDispose]())

const environment = () => ({ CQ_DB_PATH: path, CQ_API_KEY_PEPPER: 'pepper' })
const inShell = (shell: string, args: readonly string[], input = '') =>
  runCommand({ shell, args, input, isSupervised: true, environment: environment() })

/** Descriptor 3 is a pipe whose reader is gone before the command begins, and not just soon after. */
const gone = 'exec 3> >(true); wait $!'

describe('the standard output of', () => {
  test.each([
    // Text of Commander, of a store, of a child process, a stream, and what reads as well.
    [['serve', '--help']],
    [['key', 'list', 'carol', '--json']],
    [['check']],
    [['export']],
    [['import', '-', '--dry-run']],
  ])('%j may lose its reader, and not its disk', async (words) => {
    const args = words.map((word) => (word === 'COPY' ? directory.file('copy.db') : word))
    const unread = await inShell(`${gone}; "$@" >&3`, args, '  \n')
    expect(unread).toEqual({ code: 141, signal: null, stdout: '', stderr: '' })
    const unwritten = await inShell('"$@" > /dev/full', args, '  \n')
    expect(unwritten).toMatchObject({ code: 1, signal: null })
    expect(unwritten.stderr).toMatch(
      /^cq-store: can't write to the standard output: ENOSPC: [^\n]*\n$/,
    )
  })

  test('a key that was made is lost, and which it was is told', async () => {
    const args = ['key', 'create', 'carol', '--name', 'lost', '--ttl', '1d']
    const { code, stderr } = await inShell(`${gone}; "$@" >&3`, args)
    expect(code).toBe(141)
    expect(stderr).toMatch(/^made key \w{32} of carol/)
  })

  test('a disk that runs full in the middle is not taken for written', async () => {
    const file = directory.file('help.txt')
    const { code, stderr } = await inShell(`ulimit -f 1; "$@" > ${file}`, ['serve', '--help'])
    expect(code).toBe(1)
    expect(stderr).toContain("can't write to the standard output: EFBIG")
    expect(await readFile(file)).toHaveLength(1024)
  })

  test('a long list comes whole to a slow reader', async () => {
    const other = directory.file('users.db')
    await (await SqliteStore.open({ path: other, readers: 1 })).close()
    const names = Array.from({ length: 6_000 }, (_, number) => `user ${number}`.padEnd(100))
    onDatabase(other, (db) => {
      const insert = db.prepare(
        "insert into users (username, password_hash, created_at) values (?, 'x', 'x')",
      )
      db.transaction(() => {
        for (const name of names) insert.run(name)
      })()
    })
    const { code, stdout } = await runCommand({
      // Read in small pieces, far less than a pipe holds.
      shell: 'set -o pipefail; "$@" | while IFS= read -r line; do printf "%s\\n" "$line"; done',
      args: ['user', 'list', '--json', '--db-path', other],
    })
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toHaveLength(names.length)
  })
})

test.each([
  ['the reader', `${gone}; "$@" 2>&3`],
  ['the disk', '"$@" 2> /dev/full'],
])('the standard error output may lose %s, and the exit code stays', async (_name, shell) => {
  const { code, stdout } = await inShell(shell, ['export'])
  expect({ code, units: stdout.trimEnd().split('\n').length }).toEqual({ code: 0, units: 1 })
  expect((await inShell(shell, ['key', 'list', 'nobody'])).code).toBe(1)
  expect((await inShell(shell, ['user', 'odd'])).code).toBe(2)
})

test.each([
  ['the reader', `${gone}; exec "$@" >&3`, 'EPIPE'],
  ['the disk', 'exec "$@" > /dev/full', 'ENOSPC'],
])('serve goes on where its log loses %s, and says so once', async (_name, shell, code) => {
  const port = await freePort()
  await using command = new RunningCommand({
    shell,
    args: ['serve', '--dev', '--port', `${port}`, '--db-path', directory.file(code, 'cq.db')],
  })
  await command.complains(/serving goes on/)
  for (let request = 0; request < 3; request++)
    expect((await fetch(`http://127.0.0.1:${port}/api/v1/knowledge/stats`)).status).toBe(200)
  command.process.kill('SIGTERM')
  const outcome = await command.outcome
  expect(outcome).toMatchObject({ code: 0, signal: null })
  expect(outcome.stderr).toMatch(
    new RegExp(`^cq-store: the log can't be written[^\\n]*${code}[^\\n]*\\n$`),
  )
})

/** A server whose log goes where a line of a shell says, and how it is asked. */
async function serveLogging(shell: string, name: string) {
  const port = await freePort()
  const command = new RunningCommand({
    shell,
    args: ['serve', '--dev', '--port', `${port}`, '--db-path', directory.file(name, 'cq.db')],
  })
  const health = () => fetch(`http://127.0.0.1:${port}/health`).then(({ status }) => status)
  await expect.poll(() => health().catch(() => 0), { timeout: 20_000 }).toBe(200)
  return { command, health }
}

test('serve answers, and ends, where nobody reads its log', async () => {
  const { command, health } = await serveLogging(
    'exec 3> >(exec sleep 60); exec "$@" >&3',
    'unread',
  )
  await using _ = command
  // Far more than a pipe holds.
  for (let request = 0; request < 1_000; request++) expect(await health()).toBe(200)
  command.process.kill('SIGTERM')
  // Not when its output is closed, which the other process holds open.
  const [code, signal] = (await once(command.process, 'exit')) as [number | null, string | null]
  expect([code, signal]).toEqual([0, null])
  command.process.stdout?.destroy()
  command.process.stderr?.destroy()
})

test('serve goes on with its log once there is room again, and tells how much is lost', async () => {
  const file = directory.file('served.log')
  // As large as a file may be, but for some lines.
  await writeFile(file, ' '.repeat(2 ** 20 - 4_000))
  const { command, health } = await serveLogging(`ulimit -f 1024; exec "$@" >> ${file}`, 'short')
  await using _ = command
  for (let request = 0; request < 60; request++) expect(await health()).toBe(200)
  await command.complains(/serving goes on/)
  await truncate(file)
  await health()
  await expect.poll(() => readFile(file, 'utf8')).toMatch(/"msg":"\d+ lines of the log were lost/)
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
