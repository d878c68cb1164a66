import { execFileSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type AttackFigures, attacks, longAttacks } from './attacks.ts'
import { tryCompany } from './company.ts'
import { tryDamage } from './damage.ts'
import { buildShim, makeControl, sweepDisk } from './disk.ts'
import { killLedger, killLibrary, killRetries, killServer } from './kills.ts'
import { tryPowerLoss } from './power-loss.ts'
import { soak } from './soak.ts'

/** The long round of all faults. Its figures are kept in `results.md`, which each part replaces its own lines of. */

const results = new URL('results.md', import.meta.url)
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '500' },
    images: { type: 'string', default: '400' },
    cases: { type: 'string', default: '300' },
    minutes: { type: 'string', default: '30' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', multiple: true },
  },
})
const [rounds, images, cases, minutes, seed] = [
  values.rounds,
  values.images,
  values.cases,
  values.minutes,
  values.seed,
].map(Number) as [number, number, number, number, number]

interface Line {
  readonly what: string
  readonly figure: string
  readonly faults: readonly string[]
}

const tools = await mkdtemp(join(tmpdir(), 'cq-store-faults-'))
const shim = buildShim(tools)
const noShim: Line[] = [{ what: 'the disk', figure: 'skipped: no compiler of C', faults: [] }]

/** What is run in an empty directory. */
async function within<Result>(work: (directory: string) => Promise<Result>): Promise<Result> {
  const directory = await mkdtemp(join(tmpdir(), 'cq-store-fault-'))
  try {
    return await work(directory)
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

const parts: Readonly<Record<string, () => Promise<Line[]>>> = {
  async kills() {
    const library = await within((directory) =>
      killLibrary({ directory, rounds: Math.ceil(rounds * 0.8), seed }),
    )
    const server = await within((directory) =>
      killServer({ directory, rounds: Math.floor(rounds * 0.2), seed }),
    )
    return [['library', library] as const, ['server', server] as const].map(
      ([name, { rounds, acknowledged, faults }]) => ({
        what: `kill -9 of the ${name}, ${rounds} rounds, seed ${seed}`,
        figure: `${acknowledged} acknowledgements, ${faults.length} faults`,
        faults,
      }),
    )
  },

  async retries() {
    const figures = await within((directory) =>
      killRetries({ directory, rounds: Math.ceil(rounds * 0.04), seed }),
    )
    const { acknowledged, faults } = figures
    return [
      {
        what: `proposals tried again under kill -9, ${figures.rounds} rounds, seed ${seed}`,
        figure: `${acknowledged} keys, ${faults.length} faults`,
        faults,
      },
    ]
  },

  async ledger() {
    const figures = await within((directory) =>
      killLedger({ directory, rounds: Math.ceil(rounds * 0.2), seed }),
    )
    const { acknowledged, faults } = figures
    return [
      {
        what: `kill -9 of a program with a schema of its own, ${figures.rounds} rounds, seed ${seed}`,
        figure: `${acknowledged} acknowledgements, ${faults.length} faults`,
        faults,
      },
    ]
  },

  async damage() {
    const count = Math.ceil(images / 2)
    const { opened, corrupt, faults } = await within((directory) =>
      tryDamage(directory, { images: count, seed }),
    )
    return [
      {
        what: `${count} damaged images, seed ${seed}`,
        figure: `${opened} opened, ${corrupt} said to be damaged, ${faults.length} faults`,
        faults,
      },
    ]
  },

  async disk() {
    if (!shim) return noShim
    const { faults, ...figures } = await within(async (directory) =>
      sweepDisk({ shim, directory, control: await makeControl(tools) }, cases),
    )
    return [
      {
        what: `the n-th read, write, flush, truncation or opening fails, ${figures.cases} cases`,
        figure: `${figures.happened} came to pass, ${faults.length} faults`,
        faults,
      },
    ]
  },

  async power() {
    if (!shim) return noShim
    const lines: Line[] = []
    for (const durability of ['full', 'normal'] as const) {
      const { lost, faults } = await within((directory) =>
        tryPowerLoss({ shim, directory, durability, images, seed, writes: 150 }),
      )
      lines.push({
        what: `power loss at \`${durability}\`, ${images} images, seed ${seed}`,
        figure: `${lost} acknowledged writes lost${durability === 'full' ? '' : ', each time a suffix'}, ${faults.length} faults`,
        faults,
      })
    }
    return lines
  },

  async company() {
    const { acknowledged, commands, faults } = await within((directory) =>
      tryCompany(directory, Math.ceil(rounds / 25)),
    )
    return [
      {
        what: `two servers and ${commands} commands on one file at once`,
        figure: `${acknowledged} acknowledgements, ${faults.length} faults`,
        faults,
      },
    ]
  },

  async attacks() {
    const all = await attacks(longAttacks, ({ attack, outcome }) => console.log(attack, outcome))
    return all.map(lineOf)
  },

  async soak() {
    const { figure, faults } = await within((directory) => soak(directory, minutes))
    return [{ what: `soak of ${minutes} minutes`, figure, faults }]
  },
}

function lineOf({ attack, isAlive, before, peak, health, outcome }: AttackFigures): Line {
  const probe =
    health.count === 0
      ? ''
      : `; memory ${before} to ${peak} MB; /health p99 ${health.p99.toFixed(0)} ms, at most ${health.most.toFixed(0)}`
  return {
    what: attack,
    figure: `${outcome}${probe}`,
    faults: isAlive ? [] : ['the server died'],
  }
}

const head = `# Faults: the last long round of each part

Written by \`npm run test:faults\`; \`-- --only kills --rounds 50\` runs a part of it.

| what | part | outcome | when, where |
|---|---|---|---|
`

/** The lines that are there, but for those of a part. */
async function othersThan(part: string): Promise<string[]> {
  const text = await readFile(results, 'utf8').catch(() => '')
  return text
    .split('\n')
    .filter(
      (line) =>
        line.startsWith('| ') && !line.includes(`| ${part} |`) && !line.startsWith('| what'),
    )
}

const version = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
const where = `${new Date().toISOString().slice(0, 10)}, ${version}, Node ${process.versions.node}, ${availableParallelism()} x ${cpus()[0]?.model ?? ''}`
let failed = 0
for (const [part, run] of Object.entries(parts)) {
  if (values.only && !values.only.includes(part)) continue
  const began = performance.now()
  const lines = await run()
  const took = `${((performance.now() - began) / 60_000).toFixed(1)} min`
  for (const { what, figure, faults } of lines) {
    console.log(`${what}: ${figure}`)
    for (const fault of faults) console.error(`  ${fault}`)
    failed += faults.length
  }
  const rows = lines.map(
    ({ what, figure }) => `| ${what} | ${part} | ${figure} | ${where}, ${took} |`,
  )
  await writeFile(results, `${head}${[...(await othersThan(part)), ...rows].join('\n')}\n`)
}
await rm(tools, { recursive: true, force: true })
process.exitCode = failed > 0 ? 1 : 0
