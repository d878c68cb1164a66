import { workerData } from 'node:worker_threads'
import Sqlite from 'better-sqlite3'
import { Tally } from '../../threads/tally.ts'

/**
 * Reads without a gap: one of two connections takes a snapshot before the other lets go of its own. It
 * does so each time that it is asked to, and every millisecond by itself, as reads come and go.
 */
const asked = Tally.find('snapshots asked for')
const taken = Tally.find('snapshots taken')
const isOver = Tally.find('reading is over')

const connections = [0, 1].map(() => new Sqlite(workerData as string, { readonly: true }))
let [holder, other] = connections as [Sqlite.Database, Sqlite.Database]
take(holder)

while (isOver?.value === 0) {
  const request = asked?.value ?? 0
  take(other)
  holder.exec('commit')
  ;[holder, other] = [other, holder]
  while ((taken?.value ?? 0) < request) taken?.add()
  asked?.blockFor(1, request)
}
for (const connection of connections) connection.close()

function take(connection: Sqlite.Database): void {
  connection.exec('begin')
  connection.prepare('select count(*) from sqlite_schema').get()
}
