import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { apiKeyPepper, jwtSecret } from '../server/served-store.ts'
import { TemporaryDirectory } from '../sqlite/temporary-directory.ts'
import { program, RunningCommand } from './command.ts'

let directory: TemporaryDirectory
beforeEach(async () => {
  directory = await TemporaryDirectory.create()
})
afterEach(() => directory[Symbol.asyncDispose]())

const environment = () => ({
  CQ_JWT_SECRET: jwtSecret,
  CQ_API_KEY_PEPPER: apiKeyPepper,
  CQ_DB_PATH: directory.file('cq.db'),
  CQ_PORT: '0',
})

/** Has a server answer one request and stop, and resolves to its log. */
async function logOf(args: readonly string[], variables: Readonly<Record<string, string>> = {}) {
  await using command = new RunningCommand({
    args: ['serve', ...args],
    environment: { ...environment(), ...variables },
  })
  const [, url = ''] = await command.tells(/listening at (http:\/\/[\d.:]+)/)
  await (await fetch(`${url}/health`)).text()
  await command.tells(/\/health/)
  command.process.kill('SIGTERM')
  const { code, stdout, stderr } = await command.outcome
  expect([code, stderr]).toEqual([0, ''])
  return stdout
}

const prettyRequest = /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: request {.*"path":"\/health","status":200,/m
const prettyEnd = /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: stopped {"signal":"SIG(TERM|INT)"}\r?\n$/m

test.each([
  ['where it is no terminal', [], {}],
  ['where that is said', ['--log-format', 'json'], {}],
])(
  'the log is one JSON object a line %s, and ends once all is closed',
  async (_name, args, more) => {
    const lines = (await logOf(args, more)).trim().split('\n')
    const entries = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(entries.at(-1)).toMatchObject({ msg: 'stopped', signal: 'SIGTERM', level: 30 })
    expect(await directory.list()).toEqual(['cq.db'])
  },
)

test.each([
  ['as a flag', ['--log-format', 'pretty'], {}],
  ['of the environment', [], { CQ_LOG_FORMAT: 'pretty' }],
])('the log is for people where the format is said to be pretty, %s', async (_name, args, more) => {
  const text = await logOf(args, more)
  expect(text).toMatch(prettyRequest)
  expect(text).toMatch(prettyEnd)
  expect(text).toBe(stripVTControlCharacters(text))
})

const script = '/usr/bin/script'

/** The same on a terminal, where Ctrl+C ends it. */
async function logOnTerminal(args: readonly string[], variables: Readonly<Record<string, string>>) {
  const command = [process.execPath, program, 'serve', ...args].map((word) => `'${word}'`).join(' ')
  const { PATH = '', HOME = '' } = process.env
  const terminal = spawn(script, ['-qec', `exec ${command}`, '/dev/null'], {
    env: { PATH, HOME, TERM: 'xterm', NODE_NO_WARNINGS: '1', ...environment(), ...variables },
  })
  const ended = once(terminal, 'close')
  let text = ''
  let url: string | undefined
  let isStopping = false
  terminal.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    const [, found] = /listening at (http:\/\/[\d.:]+)/.exec(stripVTControlCharacters(text)) ?? []
    if (found && !url) {
      url = found
      void fetch(`${url}/health`).then((answer) => answer.text())
    }
    if (!isStopping && text.includes('/health')) {
      isStopping = true
      terminal.stdin.write('\x03')
    }
  })
  const [code] = (await ended) as [number]
  return { code, text }
}

test.skipIf(!existsSync(script)).each([
  ['with colours', {}, true],
  ['without them where NO_COLOR says so', { NO_COLOR: '1' }, false],
])('the log is for people on a terminal, %s', async (_name, variables, hasColours) => {
  const { code, text } = await logOnTerminal([], variables)
  const plain = stripVTControlCharacters(text)
  expect(plain).toMatch(prettyRequest)
  expect(plain).toMatch(prettyEnd)
  expect(code).toBe(0)
  expect(text.includes('\x1b[32mINFO\x1b[39m')).toBe(hasColours)
})

test.skipIf(!existsSync(script))('the log is JSON on a terminal where that is said', async () => {
  const { text } = await logOnTerminal(['--log-format', 'json'], {})
  expect(text).toMatch(/^{"level":30,.*"msg":"stopped"}\r?$/m)
})
