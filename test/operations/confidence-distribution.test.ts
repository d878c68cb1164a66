import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { operations } from '../../src/operations/index.ts'
import { check } from '../../src/sqlite/check.ts'
import type { Connection } from '../../src/sqlite/connection.ts'
import { migratedDatabase } from './migrated-database.ts'

fc.configureGlobal({ seed: 20261122 })

const now = new Date('2026-11-22T12:00:00Z')
const folder = mkdtempSync(join(tmpdir(), 'cq-store-distribution-'))
let connection: Connection

beforeAll(() => {
  connection = migratedDatabase(join(folder, 'cq.db'))
})
afterAll(() => {
  connection.sqlite.close()
  rmSync(folder, { recursive: true, force: true })
})

/** Numbers where counting in parts may go wrong: bounds of the parts, and the doubles next to them. */
const edge = fc
  .tuple(
    fc.oneof(
      fc.constantFrom(0.3, 0.5, 0.6, 0.7, 0.8),
      fc.nat(1024).map((part) => part / 1024),
    ),
    fc.constantFrom(1, 1 - Number.EPSILON / 2, 1 + Number.EPSILON),
  )
  .map(([value, factor]) => value * factor)
const inside = fc.oneof(edge, fc.double({ min: 0, max: 1, noNaN: true }))
const confidence = fc.oneof(
  inside,
  inside,
  fc.constantFrom(-1, -1e-300, -0, 1e300, 1.5, 2),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
)
const bounds = fc
  .uniqueArray(inside, { maxLength: 5 })
  .map((values) => values.filter((value) => value > 0 && value < 1).sort((a, b) => a - b))

/** As approved units of another program, each with the confidence that its document has. */
function store(confidences: readonly number[]): void {
  const insert = connection.sqlite.prepare(
    "insert into knowledge_units (id, data, status) values (?, ?, 'approved')",
  )
  connection.transaction(() => {
    for (const [index, confidence] of confidences.entries())
      insert.run(`${index}`, JSON.stringify({ evidence: { confidence } }))
  })
}

function distribution(innerBounds: readonly number[]): number[] {
  const { prepare, run } = operations.confidenceDistribution
  return Object.values(connection.run(run(...prepare(now, innerBounds))))
}

function byRule(confidences: readonly number[], innerBounds: readonly number[]): number[] {
  const counts = [0, ...innerBounds].map(() => 0)
  for (const confidence of confidences) {
    const bucket = innerBounds.filter((bound) => bound <= confidence).length
    counts[bucket] = (counts[bucket] ?? 0) + 1
  }
  return counts
}

describe('the distribution of confidence', () => {
  it('counts as the plain rule does, also after units have changed and gone', () => {
    fc.assert(
      fc.property(
        fc.array(confidence, { maxLength: 60 }),
        fc.array(confidence, { maxLength: 20 }),
        bounds,
        (before, changed, innerBounds) => {
          connection.sqlite.exec('delete from knowledge_units')
          store(before)
          expect(distribution(innerBounds)).toEqual(byRule(before, innerBounds))
          const update = connection.sqlite.prepare(
            'update knowledge_units set data = ? where id = ?',
          )
          const after = [...before]
          for (const [index, confidence] of changed.slice(0, before.length).entries()) {
            update.run(JSON.stringify({ evidence: { confidence } }), `${index}`)
            after[index] = confidence
          }
          connection.sqlite.prepare('delete from knowledge_units where id = ?').run('0')
          expect(distribution(innerBounds)).toEqual(byRule(after.slice(1), innerBounds))
        },
      ),
      { numRuns: 300 },
    )
    const drift = check(connection).filter((finding) => finding.check === 'derived tables')
    expect(drift).toEqual([])
  })

  it('goes through no more than the confidences next to its bounds, however many there are', () => {
    connection.sqlite.exec('delete from knowledge_units')
    store(Array.from({ length: 10_240 }, (_, index) => index / 10_240))
    const { sqlite } = connection
    const select = sqlite.prepare<[], { distinct: number; parts: number }>(
      `select (select count(*) from cq_store_confidence_counts where count > 0) as "distinct",
        (select count(*) from cq_store_confidence_buckets where count > 0) as parts`,
    )
    expect(select.get()).toEqual({ distinct: 10_240, parts: 1_024 })
    expect(distribution([0.3, 0.5, 0.7])).toEqual([3_072, 2_048, 2_048, 3_072])
    // What is gone through besides the parts, of which there are never more.
    const { prepare, run } = operations.confidenceDistribution
    const steps = run(...prepare(now, [0.3, 0.5, 0.7]))
    const between = sqlite.prepare<[number, number], number>(
      'select count(*) from cq_store_confidence_counts where confidence >= ? and confidence < ?',
    )
    let read = 0
    connection.run({
      ...steps,
      next: (answer: unknown) => {
        const step = steps.next(answer)
        if (!step.done && 'params' in step.value) {
          const { confidence, bucketStart } = step.value.params as Record<string, number>
          read += between.pluck().get(confidence ?? 0, bucketStart ?? 1) as unknown as number
        }
        return step
      },
    } as typeof steps)
    expect(read).toBeLessThan(20)
  })
})
