import type Sqlite from 'better-sqlite3'
import type { IGenericSqlite } from 'kysely-generic-sqlite'
import { createNodeOnMessageCallback } from 'kysely-generic-sqlite/worker-helper-node'
import { openDirectly } from './open-directly.ts'

/** The worker of `kysely-generic-sqlite`, as its README has it. */
createNodeOnMessageCallback<{ path: string; durability: 'normal' | 'full' }, Sqlite.Database>(
  (options) => {
    const db = openDirectly(options)
    const executor: IGenericSqlite<Sqlite.Database> = {
      db,
      query: (_isSelect, sql, parameters) => {
        const statement = db.prepare(sql)
        if (statement.reader) return { rows: statement.all(parameters) as never[] }
        const result = statement.run(parameters)
        return {
          rows: [] as never[],
          insertId: BigInt(result.lastInsertRowid),
          numAffectedRows: BigInt(result.changes),
        }
      },
      close: () => void db.close(),
    }
    return executor
  },
)
