import type { Connection } from '../../offload/connection.ts'
import { migrations } from '../migrations/index.ts'
import { countOldUnits, oldDocuments } from '../migrations/old-documents.ts'
import { stampedRevisions, tableNames } from '../migrations/reference-schema.ts'
import { appliedSteps, databaseOf, referenceStep, requireOurs } from '../migrator.ts'

/** What a file is before a migration. */
export type FileKind = 'empty' | 'unstamped' | 'stamped'

export interface PlannedStep {
  readonly name: string
  readonly applied: boolean
}

export interface MigrationPlan {
  readonly kind: FileKind
  /** The reference schema, then our own steps, in order. */
  readonly steps: readonly PlannedStep[]
}

/**
 * What `migrate` would do to a file; nothing is changed.
 * @throws {StoreError} as `migrate` does for a file of another revision or another program
 */
export function planOf({ sqlite }: Connection): MigrationPlan {
  const database = databaseOf(sqlite)
  return sqlite.transaction(() => {
    requireOurs(database)
    const isStamped = stampedRevisions(database).length > 0
    const applied = appliedSteps(database)
    const kind = isStamped ? 'stamped' : tableNames(database).size === 0 ? 'empty' : 'unstamped'
    return { kind, steps: stepsWhere(isStamped, (name) => applied.has(name)) } as const
  })()
}

/** How many units of cq 0.x `migrate` would convert. Reads every unit. */
export function oldUnitsIn({ sqlite }: Connection, { steps }: MigrationPlan): number {
  const isConverted = steps.some(({ name, applied }) => name === oldDocuments.name && applied)
  return isConverted ? 0 : countOldUnits(databaseOf(sqlite))
}

/** What `migrate` would do without a file. */
export function planOfNewFile(): MigrationPlan {
  return { kind: 'empty', steps: stepsWhere(false, () => false) }
}

function stepsWhere(isStamped: boolean, isApplied: (name: string) => boolean): PlannedStep[] {
  const reference = { name: referenceStep, applied: isStamped }
  return [reference, ...migrations.map(({ name }) => ({ name, applied: isApplied(name) }))]
}
