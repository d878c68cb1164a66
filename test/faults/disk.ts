import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { constants } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** Has calls of the system fail that work on a database's files: see `shim.c`. */

/** In the order that the shim has them. */
export const callKinds = ['read', 'write', 'flush', 'truncate', 'open'] as const
export type CallKind = (typeof callKinds)[number]

export interface DiskFault {
  readonly kind: CallKind
  /** The how manieth call of its kind it is, from 1 on. */
  readonly at: number
  readonly error: 'EIO' | 'ENOSPC'
  /** Whether all later ones fail, too. */
  readonly goesOn: boolean
}

export interface SweepFigures {
  readonly cases: number
  /** In which the fault came to pass. */
  readonly happened: number
  /** What must not be, by the case that shows it. */
  readonly faults: readonly string[]
}

/** What a session with one fault came to, as the process tells it. */
export interface CaseOutcome {
  readonly happened: boolean
  readonly counts: readonly number[]
  readonly faults: readonly string[]
}

export const errnoOf = ({ error }: DiskFault): number => constants.errno[error]

/** Builds the shim. `undefined` where there is no compiler, or no Linux. */
export function buildShim(directory: string): string | undefined {
  const source = fileURLToPath(new URL('shim.c', import.meta.url))
  const built = join(directory, 'shim.so')
  try {
    if (process.platform !== 'linux') return undefined
    execFileSync('cc', ['-shared', '-fPIC', '-O1', '-o', built, source, '-ldl'], { stdio: 'pipe' })
    return built
  } catch {
    return undefined
  }
}

export interface ShimOptions {
  readonly shim: string
  /** Where the databases lie. */
  readonly directory: string
  readonly control: string
  readonly trace?: string
}

/** What a process is started with so that its calls go through the shim. */
export function shimmed({ shim, directory, control, trace }: ShimOptions): Record<string, string> {
  return {
    LD_PRELOAD: shim,
    CQ_FAULT_PREFIX: directory,
    CQ_FAULT_CONTROL: control,
    ...(trace !== undefined && { CQ_FAULT_TRACE: trace }),
  }
}

/** Makes the file by which the shim is steered. */
export async function makeControl(directory: string): Promise<string> {
  const control = join(directory, 'control')
  await writeFile(control, new Uint8Array(64))
  return control
}

/** Runs sessions in one process, each with its fault, and tells what each came to. */
async function runCases(
  options: ShimOptions,
  cases: readonly (DiskFault | null)[],
): Promise<CaseOutcome[]> {
  const script = fileURLToPath(new URL('./processes/session.ts', import.meta.url))
  const args = [options.directory, options.control, JSON.stringify(cases)]
  const child = spawn(process.execPath, [script, ...args], {
    env: { ...process.env, ...shimmed(options), NODE_NO_WARNINGS: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const outcomes: CaseOutcome[] = []
  for await (const line of createInterface({ input: child.stdout }))
    outcomes.push(JSON.parse(line) as CaseOutcome)
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  while (outcomes.length < cases.length) {
    const faults = [`the process ended by ${child.signalCode ?? child.exitCode}`]
    outcomes.push({ happened: true, counts: [], faults })
    if (outcomes.length < cases.length) {
      const rest = await runCases(options, cases.slice(outcomes.length))
      outcomes.push(...rest)
    }
  }
  return outcomes
}

/** Every call of a session, or as many of them, evenly spread, with each error, once and from then on. */
export async function sweepDisk(
  options: ShimOptions,
  most = Number.POSITIVE_INFINITY,
): Promise<SweepFigures> {
  const [clean] = await runCases(options, [null])
  const all = callKinds.flatMap((kind, index) =>
    Array.from({ length: clean?.counts[index] ?? 0 }, (_, call) => call + 1).flatMap((at) =>
      (['EIO', 'ENOSPC'] as const)
        // Reading needs no room.
        .filter((error) => kind !== 'read' || error === 'EIO')
        .flatMap((error) =>
          [true, false].map((goesOn): DiskFault => ({ kind, at, error, goesOn })),
        ),
    ),
  )
  const step = Math.max(1, all.length / most)
  const cases = Array.from({ length: Math.min(all.length, most) }, (_, index) => {
    return all[Math.floor(index * step)] as DiskFault
  })
  const outcomes = await runCases(options, cases)
  return {
    cases: cases.length,
    happened: outcomes.filter(({ happened }) => happened).length,
    faults: [...(clean?.faults ?? ['the clean session told nothing'])].concat(
      outcomes.flatMap(({ faults }, index) =>
        faults.map((fault) => `${JSON.stringify(cases[index])}: ${fault}`),
      ),
    ),
  }
}
