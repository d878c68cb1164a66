import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { copyFile, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { secretCommand } from '../../src/credentials/secrets.ts'
import { program, RunningCommand } from '../cli/command.ts'
import { apiKeyPepper, jwtSecret } from './served-store.ts'

const project = fileURLToPath(new URL('../..', import.meta.url))

/** The text under a heading of the README, up to the next one. */
async function section(heading: string): Promise<string> {
  const text = await readFile(join(project, 'README.md'), 'utf8')
  const [, found] = new RegExp(`^## ${heading}\\n(.*?)(?=^## |(?![^]))`, 'ms').exec(text) ?? []
  if (found) return found
  throw new Error(`the README tells nothing of ${heading}`)
}

/** The blocks of code in a text. */
function blocks(text: string, language: string): string[] {
  const pattern = new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms')
  return [...text.matchAll(pattern)].map(([, code = '']) => code)
}

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'cq-store-'))
})
afterAll(() => rm(directory, { recursive: true, force: true }))

test('the walk-through works, line by line', async () => {
  await using server = new RunningCommand({
    args: ['serve', '--dev', '--port', '0', '--log-level', 'warn'],
    directory,
  })
  const [, url = ''] = await server.tells(/^at (http:[^\s,]+)/m)
  const script = blocks(await section('Walk-through'), 'sh').join('\n')
  expect(script).toContain('http://127.0.0.1:3000')
  const { code, stdout, stderr } = await bash(
    // Each answer on a line of its own, and no answer that is a refusal.
    `set -euo pipefail
curl() { command curl --show-error --fail-with-body "$@" && echo; }
${script.replaceAll('http://127.0.0.1:3000', url)}`,
  )
  expect(stderr).toBe('')
  expect(code).toBe(0)
  const answers = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as unknown)
  const [ranked, queue, decision, found, confirmed, flagged, key] = answers
  expect(answers).toHaveLength(7)
  expect(ranked).toMatchObject({ data: [{}, {}] })
  const unit = { domains: ['curl', 'http'] }
  expect(queue).toMatchObject({ items: [{ knowledge_unit: unit, status: 'pending' }] })
  expect(decision).toMatchObject({ status: 'approved', reviewed_by: 'demo' })
  expect(found).toMatchObject({ data: [unit] })
  expect(confirmed).toMatchObject({ evidence: { confidence: 0.6 } })
  expect(flagged).toMatchObject({ flags: [{ reason: 'stale', detail: null }] })
  expect(key).toMatchObject({ name: 'laptop', token: expect.stringMatching(/^cqa\.v1\./) })
})

test('the program that speaks MCP queries, proposes, confirms and flags', async () => {
  const place = await mkdtemp(join(directory, 'mcp-'))
  await symlink(join(project, 'node_modules'), join(place, 'node_modules'))
  await using server = new RunningCommand({
    args: ['serve', '--dev', '--port', '0', '--log-level', 'warn'],
    directory: place,
  })
  const [, url = ''] = await server.tells(/^at (http:[^\s,]+)/m)
  const scripts = blocks(await section('Connect'), 'sh')
  const here = (part: string) => {
    const script = scripts.find((one) => one.includes(part)) ?? ''
    expect(script).toContain('http://127.0.0.1:3000')
    return script.replaceAll('http://127.0.0.1:3000', url)
  }
  const search = await bash(here('/knowledge/search?q='), place)
  const { data } = JSON.parse(search.stdout) as {
    data: { knowledge_unit: { domains: string[] }; snippet: { matches: unknown[] } }[]
  }
  expect(data[0]?.knowledge_unit.domains).toContain('sqlite')
  expect(data[0]?.snippet.matches).not.toEqual([])
  const run = here('client.connect')
  const { code, stdout, stderr } = await bash(run, place)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(
    /^.+\nproposed: ku_[0-9a-f]{32} by demo\nconfirmed: \d+ times\nflagged: stale\n$/,
  )
})

test('the settings of MCP clients are what their formats are', async () => {
  const text = await section('Connect')
  const [cursor, code] = blocks(text, 'json').map((block) => JSON.parse(block))
  expect(cursor.mcpServers.cq.url).toBe('http://127.0.0.1:3000/mcp')
  expect(code.servers.cq).toMatchObject({ type: 'http', url: 'http://127.0.0.1:3000/mcp' })
  expect(code.servers.cq.headers.Authorization).toContain(`\${input:${code.inputs[0].id}}`)
  const [claude = ''] = blocks(text, 'sh')
  const { code: status, stdout } = await bash(
    `CQ_API_KEY=key; claude() { printf '%s\\n' "$@"; }; ${claude}`,
  )
  expect([status, stdout.split('\n').slice(-3, -1)]).toEqual([
    0,
    ['--header', 'Authorization: Bearer key'],
  ])
})

test('the server runs with what the lines of production set', async () => {
  const place = await mkdtemp(join(directory, 'production-'))
  const [script = ''] = blocks(await section('Run the server'), 'sh')
  const database = join(place, 'cq.db')
  const password = 'correct horse carol'
  // The server's line tells its environment, and is then run as what can be waited for.
  const { code, stdout, stderr } = await run(
    'bash',
    [
      '-c',
      `set -eu
cq-store() {
  if [ "$1" = serve ]; then node -p 'JSON.stringify(process.env)'
  else echo '${password}' | node '${program}' "$@" > "$1.out" 2> "$1.err"; fi
}
${script.replaceAll('/var/lib/cq/cq.db', database)}
cat key.out`,
    ],
    place,
    { PATH: `${dirname(process.execPath)}:${process.env.PATH}` },
  )
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect((await stat(join(place, 'cq.env'))).mode & 0o777).toBe(0o600)
  const [environment = '', key] = stdout.trim().split('\n')
  await using server = new RunningCommand({
    args: ['serve', '--port', '0'],
    environment: JSON.parse(environment) as Record<string, string>,
  })
  const [, url] = await server.tells(/listening at (http:[^"]+)"/)
  const answer = await fetch(`${url}/api/v1/knowledge/${'ku_'.padEnd(35, '0')}/confirmations`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
  })
  // The key is known, and the unit is not.
  expect(answer.status).toBe(404)
})

test('neither the README nor any help tells a secret that could be pasted', async () => {
  const readme = await readFile(join(project, 'README.md'), 'utf8')
  const helps = await Promise.all(
    [[], ['serve'], ['key', 'create']].map((command) =>
      run(process.execPath, [program, ...command, '--help'], project),
    ),
  )
  for (const text of [readme, ...helps.map(({ stdout }) => stdout)])
    for (const [assignment] of text.matchAll(/CQ_(JWT_SECRET|API_KEY_PEPPER)=.*/g))
      expect.fail(`it tells ${assignment}`)
  expect(readme).toContain(secretCommand)
  expect(helps[1]?.stdout).toContain(secretCommand)
})

describe('the examples', () => {
  test.each([
    ['of embedding the store', 'Embed it', 0, '/', /^\[\{"id":"ku_/],
    ['of serving as a whole', 'Serve it', 0, '/api/v1/health', /^\{"status":"ok"\}\n$/],
    ['of serving as a plugin', 'Serve it', 1, '/cq/api/v1/health', /^\{"status":"ok"\}\n$/],
  ])('%s run', async (_name, heading, index, path, answer) => {
    const code = blocks(await section(heading), 'ts')[index] ?? ''
    const place = await mkdtemp(join(directory, 'example-'))
    const name = /(\w+)\.listen\(/.exec(code)?.[1]
    const file = join(place, 'example.ts')
    await writeFile(
      file,
      `${code
        .replaceAll("'cq-store/server'", `'${project}src/server/index.ts'`)
        .replaceAll("'cq-store'", `'${project}src/index.ts'`)
        .replace('8080', '0')}
const { port } = (${name}.server ?? ${name}).address()
const answer = await fetch('http://localhost:' + port + '${path}')
console.log(await answer.text())
await ${name}.close()
await store.close()
`,
    )
    await symlink(join(project, 'node_modules'), join(place, 'node_modules'))
    await copyFile(join(project, 'package.json'), join(place, 'package.json'))
    const outcome = await run(process.execPath, [file], place, {
      CQ_JWT_SECRET: jwtSecret,
      CQ_API_KEY_PEPPER: apiKeyPepper,
    })
    expect(outcome).toEqual({ code: 0, stdout: expect.stringMatching(answer), stderr: '' })
  })
})

function bash(script: string, place = directory) {
  return run('bash', ['-c', script], place)
}

async function run(
  executable: string,
  args: readonly string[],
  cwd: string,
  environment: Readonly<Record<string, string>> = {},
) {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(executable, args, { cwd, env: { PATH, HOME, ...environment } })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}
