import { isMainThread } from 'node:worker_threads'
import { openOffloaded, operations, read, write } from '../../../src/offload/index.ts'

/** A ledger with a schema of its own, which transfers money until it is killed, and tells of each transfer. */

interface Transfer {
  readonly id: number
  readonly from: number
  readonly to: number
  readonly amount: number
}

const ledger = operations(
  {
    transfer: write((db, { id, from, to, amount }: Transfer) => {
      const move = db.prepare('update accounts set balance = balance + ? where id = ?')
      move.run(-amount, from)
      move.run(amount, to)
      db.prepare('insert into transfers values (?, ?, ?, ?)').run(id, from, to, amount)
    }),
    has: read(
      (db, id: number) => db.prepare('select 1 from transfers where id = ?').get(id) !== undefined,
    ),
    /** Accounts whose balance is not what their transfers say. */
    wrongAccounts: read((db) =>
      db
        .prepare<{ id: number }>(`select id from accounts where balance is not
          (select coalesce(sum(iif("to" = accounts.id, amount, -amount)), 0) from transfers
           where accounts.id in ("from", "to"))`)
        .all(),
    ),
  },
  {
    migrations: [
      `create table accounts (id integer primary key, balance integer not null default 0);
       create table transfers (id integer primary key, "from" integer not null references accounts,
         "to" integer not null references accounts, amount integer not null);
       insert into accounts (id) values (0), (1), (2), (3), (4)`,
    ],
  },
)
export default ledger
export const openLedger = (path: string) =>
  openOffloaded<typeof ledger>({ path, readers: 1, operations: new URL(import.meta.url) })

if (isMainThread && process.argv[1] === import.meta.filename) {
  const [path = '', first = '0'] = process.argv.slice(2)
  let next = Number(first)
  await using book = await openLedger(path)
  const clerk = async () => {
    for (;;) {
      const id = next++
      process.stdout.write(`sent ${id}\n`)
      await book.transfer({ id, from: id % 5, to: (id + 1 + (id % 3)) % 5, amount: id % 100 })
      process.stdout.write(`done ${id}\n`)
    }
  }
  await Promise.all(Array.from({ length: 8 }, clerk))
}
