import { OffloadError } from '../threads/errors.ts'
import type { Connection } from './connection.ts'
import type { OperationsOptions, ThreadContext } from './operations.ts'
import type { FileSteps } from './prepare-file.ts'

/** What an operations file wants done before anybody uses the database. */
export function stepsOf(
  connection: Connection,
  { inspect, setup, migrations = [] }: OperationsOptions,
  context: ThreadContext,
  maySetUp: boolean,
): FileSteps {
  const taken = () => Number(connection.pragma('user_version'))
  const isReady = () => {
    if (inspect?.(connection, context)) return true
    requireKnown(taken(), migrations.length)
    return !setup && !inspect && taken() >= migrations.length
  }
  return {
    inspect() {
      const ready = isReady()
      // A setup is repeatable, and may be complete; only a step that is missing is known to be.
      if (!ready && !maySetUp && (taken() < migrations.length || inspect))
        throw new OffloadError(
          'migration_needed',
          'the database lacks steps of the schema, and may not be changed: open it without ' +
            '`readOnly` and `migrate: false` once',
        )
      return ready || !maySetUp
    },
    setUp() {
      setup?.(connection, context)
      if (migrations.length === 0) return
      for (const step of migrations.slice(taken()))
        if (typeof step === 'string') connection.exec(step)
        else step(connection)
      connection.sqlite.pragma(`user_version = ${migrations.length}`)
    },
  }
}

function requireKnown(taken: number, known: number): void {
  if (known === 0 || taken <= known) return
  throw new OffloadError(
    'newer_schema',
    `the database has ${taken} steps of the schema, and this program knows ${known}; nothing was changed`,
  )
}
