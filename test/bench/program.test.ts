import { describe, expect, test } from 'vitest'
import type { BenchOptions } from '../../bench/bench.ts'
import { benchProgram } from '../../bench/program.ts'
import { workloadNames } from '../../bench/workload.ts'

/** What a command line asks for, and where it has it written. */
async function asked(...flags: string[]): Promise<{ options: BenchOptions; directory: string }> {
  const { promise, resolve } = Promise.withResolvers<{
    options: BenchOptions
    directory: string
  }>()
  const program = benchProgram(async (options, directory) => resolve({ options, directory }))
  program.exitOverride().configureOutput({ writeErr: () => {} })
  await program.parseAsync(flags, { from: 'user' })
  return promise
}

describe('the command line of the bench', () => {
  test('asks for everything, up to a million units, where nothing is said', async () => {
    const { options, directory } = await asked()
    expect(options.workloads).toEqual(workloadNames)
    expect(options.sizes).toEqual([10_000, 20_000, 100_000, 1_000_000])
    expect(options.inFlight).toEqual([1, 16, 64, 256])
    expect(options.mixedLoad?.seconds).toBe(60)
    for (const part of ['interference', 'engine', 'http', 'mixedLoad'])
      expect(options).toHaveProperty(part)
    expect(directory).toMatch(/bench\/results\/$/)
  })

  test('asks for less, and writes elsewhere, where it has to be quick', async () => {
    const { options, directory } = await asked('--quick')
    expect(options.workloads).toEqual(workloadNames)
    expect(options.sizes).toEqual([10_000, 100_000])
    expect(options.runs).toBe(1)
    expect(directory).toMatch(/bench\/results\/quick$/)
  })

  test('asks for one workload and nothing else', async () => {
    const { options } = await asked('insert', '--seconds', '0.5', '--runs', '7', '--readers', '2')
    expect(options).toMatchObject({ workloads: ['insert'], seconds: 0.5, runs: 7, readers: 2 })
    for (const part of ['interference', 'engine', 'http', 'mixedLoad'])
      expect(options).not.toHaveProperty(part)
  })

  test('asks for one part', async () => {
    const { options } = await asked('--part', 'http', '--sizes', '200,100', '--output', 'here')
    expect(options.workloads).toEqual([])
    expect(options.sizes).toEqual([100, 200])
    expect(options).toHaveProperty('http')
    expect(options).not.toHaveProperty('mixedLoad')
  })

  test.each([
    [['--runs', '0'], /positive integer/],
    [['--seconds', 'long'], /number of seconds/],
    [['--sizes', '10,x'], /positive integer/],
    [['--part', 'everything'], /Allowed choices are store, engine, http, mixed-load/],
    [['everything'], /Allowed choices are get, query-top-two/],
  ])('refuses %j', async (flags, complaint) => {
    await expect(asked(...flags)).rejects.toThrow(complaint)
  })
})
