import type Sqlite from 'better-sqlite3'

interface DriverStatement {
  readonly source: string
  readonly database: Sqlite.Database
}

/**
 * Calls back before whatever a connection runs, pragmas and the ends of transactions included. Answers
 * what to call when that is no longer wanted.
 */
export function beforeEachStatement(
  connection: Sqlite.Database,
  callback: (sql: string) => void,
): () => void {
  const prototype = Object.getPrototypeOf(connection.prepare('select 1'))
  const original: Record<string, object> = {}
  for (const name of ['run', 'get', 'all']) {
    original[name] = prototype[name]
    prototype[name] = new Proxy(prototype[name], {
      apply(method, statement: DriverStatement, params) {
        if (statement.database === connection) callback(statement.source)
        return Reflect.apply(method, statement, params)
      },
    })
  }
  connection.exec = () => {
    throw new Error('exec runs statements that nobody is told of')
  }
  return () => void Object.assign(prototype, original)
}
