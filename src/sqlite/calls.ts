import { operations } from '../operations/index.ts'
import type { OperationKind, StoreMethod } from '../operations/operation.ts'

// A call of a Store becomes one of the engine's, whose operations each have one kind. An operation of cq may have
// several, so that the engine has one for each.

/** The kinds that an operation may have whose kind depends on its arguments, or on there being rankers. */
const variants: readonly OperationKind[] = ['scan', 'rank', 'long rank', 'indexed scan']

/** The engine's operation for a method of Store, when it runs as this kind. */
export function nameOf(method: StoreMethod, kind: OperationKind): string {
  return operations[method].kind === kind ? method : `${method} as ${kind}`
}

/** Every kind that a method of Store may have. */
export function kindsOf(method: StoreMethod): readonly OperationKind[] {
  const { kind } = operations[method]
  if (typeof kind === 'function') return variants
  return kind === 'indexed scan' ? [kind, 'scan'] : [kind]
}
