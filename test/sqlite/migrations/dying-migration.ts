import { Connection } from '../../../src/offload/connection.ts'
import { migrate } from '../../../src/sqlite/migrator.ts'
import { beforeEachStatement } from './before-each-statement.ts'

/**
 * A process that migrates the file it is given, and kills itself right before a statement: the one of
 * the number it is given. Where it comes to its end, it tells the statements that it ran.
 */
const [path = '', fatalStatement = ''] = process.argv.slice(2)

const connection = new Connection({
  path,
  access: 'write',
  durability: 'normal',
  busyTimeout: 5_000,
  // So few pages that a big file's migration is written to the log before it is committed.
  cacheSize: 16,
  mmapSize: 0,
})

const statements: string[] = []

beforeEachStatement(connection.sqlite, (sql) => {
  statements.push(sql)
  if (statements.length === Number(fatalStatement)) process.kill(process.pid, 'SIGKILL')
})
migrate(connection, 5_000)
process.stdout.write(JSON.stringify(statements))
