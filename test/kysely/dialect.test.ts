import { readFileSync, writeFileSync } from 'node:fs'
import Sqlite from 'better-sqlite3'
import { type Generated, Kysely, type LogEvent, SqliteDialect, sql } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import { describe, expect, it, onTestFinished } from 'vitest'
import { OffloadDialect, type OffloadDialectOptions } from '../../src/kysely/index.ts'
import { TemporaryDirectory } from '../sqlite/temporary-directory.ts'
import { failureOf, outcome } from '../threads/outcome.ts'
import { RecordedLog } from '../threads/recorded-log.ts'

interface Tables {
  person: {
    id: Generated<number>
    name: string
    age: number | null
    photo: Buffer | null
  }
  pet: { id: Generated<number>; owner_id: number; name: string }
}

type Db = Kysely<Tables>

async function createTables(db: Db): Promise<void> {
  await db.schema
    .createTable('person')
    .addColumn('id', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('name', 'text', (column) => column.notNull().unique())
    .addColumn('age', 'integer')
    .addColumn('photo', 'blob')
    .execute()
  await db.schema
    .createTable('pet')
    .addColumn('id', 'integer', (column) => column.primaryKey())
    .addColumn('owner_id', 'integer', (column) =>
      column.references('person.id').onDelete('cascade').notNull(),
    )
    .addColumn('name', 'text', (column) => column.notNull())
    .execute()
}

async function openOurs(
  options: Partial<OffloadDialectOptions> = {},
): Promise<{ readonly db: Db; readonly dialect: OffloadDialect }> {
  const directory = await TemporaryDirectory.create()
  const path = directory.file('app.db')
  const dialect = new OffloadDialect({ path, readers: 2, log: new RecordedLog(), ...options })
  const db = new Kysely<Tables>({ dialect })
  onTestFinished(async () => {
    await db.destroy()
    await directory[Symbol.asyncDispose]()
  })
  return { db, dialect }
}

async function withTables(options: Partial<OffloadDialectOptions> = {}): Promise<Db> {
  const { db } = await openOurs(options)
  await createTables(db)
  return db
}

/** What a query gives, or what its failure says. */
async function settled(query: Promise<unknown>): Promise<unknown> {
  try {
    return await query
  } catch (error) {
    return { failed: (error as Error).message }
  }
}

const people = [
  { name: 'ada', age: 36, photo: Buffer.from([1, 2, 3]) },
  { name: 'bob', age: null, photo: null },
  { name: 'carol', age: 50, photo: null },
]

/** Everything that a query of Kysely's may be, in an order in which each finds what it needs. */
const scenarios: Record<string, (db: Db) => Promise<unknown>> = {
  'inserts one row': (db) =>
    db
      .insertInto('person')
      .values(people[0] as never)
      .executeTakeFirst(),
  'inserts several rows': (db) => db.insertInto('person').values(people.slice(1)).execute(),
  'refuses a name that is there': (db) => db.insertInto('person').values({ name: 'ada' }).execute(),
  'ignores a conflict': (db) =>
    db
      .insertInto('person')
      .values({ name: 'ada' })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst(),
  'updates where there is a conflict': (db) =>
    db
      .insertInto('person')
      .values({ name: 'bob', age: 20 })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ age: 21 }))
      .returningAll()
      .executeTakeFirstOrThrow(),
  'replaces a row': (db) =>
    db.replaceInto('person').values({ id: 3, name: 'carol', age: 51 }).executeTakeFirst(),
  'inserts and returns': (db) =>
    db.insertInto('person').values({ name: 'dora' }).returning(['id', 'name']).execute(),
  'inserts what it selects': (db) =>
    db
      .insertInto('pet')
      .columns(['owner_id', 'name'])
      .expression((eb) =>
        eb.selectFrom('person').select(['id', sql<string>`'cat of ' || name`.as('name')]),
      )
      .executeTakeFirst(),
  'inserts default values': (db) => db.insertInto('pet').defaultValues().execute(),
  'selects all': (db) => db.selectFrom('person').selectAll().orderBy('id').execute(),
  'selects nothing': (db) =>
    db.selectFrom('person').selectAll().where('name', '=', 'nobody').executeTakeFirst(),
  'throws where there must be a row': (db) =>
    db.selectFrom('person').selectAll().where('name', '=', 'nobody').executeTakeFirstOrThrow(),
  joins: (db) =>
    db
      .selectFrom('person')
      .innerJoin('pet', 'pet.owner_id', 'person.id')
      .select(['person.name', 'pet.name as pet'])
      .orderBy('pet.id')
      .execute(),
  'groups, with a having': (db) =>
    db
      .selectFrom('person')
      .select(({ fn }) => ['age', fn.countAll().as('count')])
      .groupBy('age')
      .having(({ fn }) => fn.countAll(), '>', 0)
      .orderBy('age')
      .execute(),
  'selects from a common table expression': (db) =>
    db
      .with('old', (cte) => cte.selectFrom('person').select('name').where('age', '>', 30))
      .selectFrom('old')
      .selectAll()
      .orderBy('name')
      .execute(),
  'writes after a common table expression': (db) =>
    db
      .with('old', (cte) => cte.selectFrom('person').select('id').where('age', '>', 50))
      .deleteFrom('pet')
      .where('owner_id', 'in', (eb) => eb.selectFrom('old').select('id'))
      .executeTakeFirst(),
  'selects by a window': (db) =>
    db
      .selectFrom('person')
      .select(({ fn }) => [
        'name',
        fn
          .agg<number>('row_number')
          .over((o) => o.orderBy('name'))
          .as('place'),
      ])
      .execute(),
  unites: (db) =>
    db
      .selectFrom('person')
      .select('name')
      .union(db.selectFrom('pet').select('name'))
      .orderBy('name')
      .execute(),
  updates: (db) =>
    db.updateTable('person').set({ age: 22 }).where('name', '=', 'bob').executeTakeFirst(),
  'updates nothing': (db) =>
    db.updateTable('person').set({ age: 22 }).where('name', '=', 'nobody').executeTakeFirst(),
  'updates from another table': (db) =>
    db
      .updateTable('pet')
      .from('person')
      .set({ name: (eb) => eb.ref('person.name') })
      .whereRef('pet.owner_id', '=', 'person.id')
      .returning(['pet.id', 'pet.name'])
      .execute(),
  'refuses a foreign key that leads nowhere': (db) =>
    db.insertInto('pet').values({ owner_id: 99, name: 'x' }).execute(),
  'deletes, and what refers to it': async (db) => [
    await db.deleteFrom('person').where('name', '=', 'ada').executeTakeFirst(),
    await db.selectFrom('pet').selectAll().orderBy('id').execute(),
  ],
  'deletes and returns': (db) =>
    db.deleteFrom('pet').where('id', '=', 2).returning('name').execute(),
  'runs raw queries': (db) =>
    sql`select ${1} as one, ${'two'} as two, ${null} as three`.execute(db),
  'runs raw statements that write': (db) =>
    sql`insert into person (name) values (${'eve'})`.execute(db),
  'runs raw statements that write and return': (db) =>
    sql`with x as (select 1) update person set age = 1 where name = 'eve' returning name, age`.execute(
      db,
    ),
  'has a clear failure for a wrong statement': (db) => sql`selec 1`.execute(db),
  'has a clear failure for a table that is not there': (db) =>
    sql`select * from nothing`.execute(db),
  'has a clear failure for a value that SQLite cannot take': (db) =>
    sql`select ${{ a: 1 } as never}`.execute(db),
  'takes large integers': (db) =>
    sql`select ${9007199254740993n} as n, ${2 ** 40} as m`.execute(db),
  'reads PRAGMAs': (db) => sql`pragma foreign_keys`.execute(db),
  'sets PRAGMAs': async (db) => [
    await sql`pragma user_version = 7`.execute(db),
    await sql`pragma user_version`.execute(db),
  ],
  explains: async (db) =>
    (await db.selectFrom('person').select('id').explain<{ opcode: string }>()).map(
      ({ opcode }) => opcode,
    ),
  'tells the last id': async (db) => [
    await db.insertInto('person').values({ name: 'fay' }).execute(),
    await sql`select last_insert_rowid() as id, changes() as changes`.execute(db),
  ],
  'keeps temporary tables': async (db) => [
    await sql`create temporary table scratch (n integer)`.execute(db),
    await sql`insert into scratch values (1), (2)`.execute(db),
    await sql`select * from scratch order by n`.execute(db),
    await sql`drop table scratch`.execute(db),
  ],
  'alters tables': async (db) => [
    await db.schema.alterTable('person').addColumn('email', 'text').execute(),
    await db.selectFrom('person').selectAll().orderBy('id').limit(1).execute(),
    await db.schema.alterTable('person').renameColumn('email', 'mail').execute(),
    await db.selectFrom('person').selectAll().orderBy('id').limit(1).execute(),
    await db.schema.alterTable('person').dropColumn('mail').execute(),
  ],
  'makes indexes and views': async (db) => [
    await db.schema.createIndex('person_age').on('person').column('age').execute(),
    await db.schema
      .createView('adult')
      .as(db.selectFrom('person').selectAll().where('age', '>=', 18))
      .execute(),
    await sql`select name from adult order by name`.execute(db),
  ],
  'tells its tables': (db) => db.introspection.getTables(),
  'tells its metadata, internal tables included': (db) =>
    db.introspection.getTables({ withInternalKyselyTables: true }),
  'tells no schemas': (db) => db.introspection.getSchemas(),
  'commits a transaction': async (db) => [
    await db.transaction().execute(async (trx) => {
      await trx.insertInto('person').values({ name: 'gus' }).execute()
      return trx.selectFrom('person').select('name').where('name', '=', 'gus').execute()
    }),
    await db.selectFrom('person').select('name').where('name', '=', 'gus').execute(),
  ],
  'rolls a transaction back': async (db) => [
    await settled(
      db.transaction().execute(async (trx) => {
        await trx.insertInto('person').values({ name: 'hal' }).execute()
        throw new Error('thought better of it')
      }),
    ),
    await db.selectFrom('person').select('name').where('name', '=', 'hal').execute(),
  ],
  'goes on in a transaction where a statement fails': async (db) => [
    await db.transaction().execute(async (trx) => {
      const failed = await settled(trx.insertInto('person').values({ name: 'gus' }).execute())
      const inserted = await trx.insertInto('person').values({ name: 'ida' }).execute()
      return [failed, inserted]
    }),
    await db.selectFrom('person').select('name').where('name', 'in', ['gus', 'ida']).execute(),
  ],
  'takes every isolation level': (db) =>
    db
      .transaction()
      .setIsolationLevel('serializable')
      .execute((trx) => trx.selectFrom('person').select('id').limit(1).execute()),
  'controls transactions, with savepoints': async (db) => {
    const trx = await db.startTransaction().execute()
    await trx.insertInto('person').values({ name: 'jo' }).execute()
    const inner = await trx.savepoint('inner').execute()
    await inner.insertInto('person').values({ name: 'kim' }).execute()
    const back = await inner.rollbackToSavepoint('inner').execute()
    await back.insertInto('person').values({ name: 'leo' }).execute()
    await back.releaseSavepoint('inner').execute()
    await trx.commit().execute()
    return db
      .selectFrom('person')
      .select('name')
      .where('name', 'in', ['jo', 'kim', 'leo'])
      .orderBy('name')
      .execute()
  },
  'rolls a controlled transaction back': async (db) => {
    const trx = await db.startTransaction().execute()
    await trx.insertInto('person').values({ name: 'max' }).execute()
    await trx.rollback().execute()
    const after = await settled(trx.selectFrom('person').selectAll().execute())
    return [after, await db.selectFrom('person').select('id').where('name', '=', 'max').execute()]
  },
  'refuses a savepoint that is not there': async (db) => {
    const trx = await db.startTransaction().execute()
    const failed = await settled(trx.rollbackToSavepoint('nowhere' as never).execute())
    await trx.rollback().execute()
    return failed
  },
  'uses one connection': (db) =>
    db
      .connection()
      .execute(async (connection) => [
        await connection.insertInto('person').values({ name: 'ned' }).execute(),
        await connection.selectFrom('person').select('name').where('name', '=', 'ned').execute(),
      ]),
  streams: async (db) => {
    const rows: unknown[] = []
    for await (const row of db.selectFrom('person').select(['id', 'name']).orderBy('id').stream(2))
      rows.push(row)
    return rows
  },
  'stops a stream': async (db) => {
    for await (const row of db.selectFrom('person').select('id').orderBy('id').stream()) return row
    return undefined
  },
  'refuses to stream what writes': (db) =>
    settled(
      Array.fromAsync(
        db.insertInto('person').values({ name: 'oz' }).returning('id').stream(),
      ) as Promise<unknown>,
    ).then((result) => Object.keys(result as object)),
}

describe('Kysely on the dialect gives what it gives on its own', () => {
  it('in every scenario', async () => {
    const own = new Kysely<Tables>({
      dialect: new SqliteDialect({ database: new Sqlite(':memory:') }),
    })
    onTestFinished(() => own.destroy())
    const ours = await withTables()
    await createTables(own)
    for (const [name, scenario] of Object.entries(scenarios)) {
      const expected = await settled(scenario(own))
      expect(await settled(scenario(ours)), name).toEqual(expected)
    }
  })

  it('with integers as BigInts', async () => {
    const database = new Sqlite(':memory:')
    database.defaultSafeIntegers()
    const own = new Kysely<Tables>({ dialect: new SqliteDialect({ database }) })
    onTestFinished(() => own.destroy())
    const ours = await withTables({ safeIntegers: true })
    await createTables(own)
    for (const name of ['inserts one row', 'selects all', 'streams', 'takes large integers']) {
      const scenario = scenarios[name] as (db: Db) => Promise<unknown>
      expect(await settled(scenario(ours)), name).toEqual(await settled(scenario(own)))
    }
  })
})

describe("Kysely's Migrator", () => {
  function migratorOf(db: Kysely<never>, migrations: Record<string, Migration>): Migrator {
    return new Migrator({ db, provider: { getMigrations: async () => migrations } })
  }

  const migrations: Record<string, Migration> = {
    first: {
      up: async (db) => {
        await db.schema.createTable('one').addColumn('id', 'integer').execute()
      },
      down: (db) => db.schema.dropTable('one').execute(),
    },
    second: {
      up: async (db) => {
        await db.schema.createTable('two').addColumn('id', 'integer').execute()
      },
      down: (db) => db.schema.dropTable('two').execute(),
    },
  }

  async function tablesOf(db: Db): Promise<string[]> {
    return (await db.introspection.getTables()).map(({ name }) => name)
  }

  it('goes up and down', async () => {
    const { db } = await openOurs()
    const migrator = migratorOf(db as never, migrations)
    expect(await migrator.migrateToLatest()).toMatchObject({
      results: [{ status: 'Success' }, { status: 'Success' }],
    })
    expect(await tablesOf(db)).toEqual(['one', 'two'])
    expect(await migrator.migrateDown()).toMatchObject({
      results: [{ migrationName: 'second', direction: 'Down', status: 'Success' }],
    })
    expect(await tablesOf(db)).toEqual(['one'])
    expect(
      (await migrator.getMigrations()).map(({ executedAt }) => executedAt instanceof Date),
    ).toEqual([true, false])
  })

  it('takes each step once where several migrate at a time', async () => {
    const { db } = await openOurs()
    const results = await Promise.all(
      [1, 2, 3, 4].map(() => migratorOf(db as never, migrations).migrateToLatest()),
    )
    expect(results.map(({ error }) => error)).toEqual([undefined, undefined, undefined, undefined])
    expect(results.flatMap(({ results }) => results)).toHaveLength(2)
  })

  it('reports a step that fails, as on the own dialect, and can go on later', async () => {
    const failing = {
      ...migrations,
      third: { up: async (db) => void (await sql`create tabel x`.execute(db)) } as Migration,
    }
    const own = new Kysely<Tables>({
      dialect: new SqliteDialect({ database: new Sqlite(':memory:') }),
    })
    onTestFinished(() => own.destroy())
    const { db: ours } = await openOurs()
    const outcomes = []
    for (const db of [own, ours]) {
      const { error, results } = await migratorOf(db as never, failing).migrateToLatest()
      outcomes.push([(error as Error).message, results, await tablesOf(db)])
      expect(await migratorOf(db as never, migrations).migrateToLatest()).toMatchObject({
        results: [],
      })
    }
    expect(outcomes[1]).toEqual(outcomes[0])
  })
})

describe('a transaction', () => {
  it('that is read only is a snapshot, and holds nobody up', async () => {
    const db = await withTables()
    await db.insertInto('person').values({ name: 'ada' }).execute()
    await db
      .transaction()
      .setAccessMode('read only')
      .execute(async (trx) => {
        await db.insertInto('person').values({ name: 'bob' }).execute()
        expect(await trx.selectFrom('person').select('name').execute()).toEqual([{ name: 'ada' }])
        expect(
          await failureOf(trx.insertInto('person').values({ name: 'eve' }).execute()),
        ).toMatchObject({
          code: 'read_only',
        })
        expect(await Array.fromAsync(trx.selectFrom('person').select('name').stream())).toEqual([
          { name: 'ada' },
        ])
      })
    expect(await db.selectFrom('person').select('name').execute()).toHaveLength(2)
  })

  it('keeps other writes waiting until it ends, and they see what it did', async () => {
    const db = await withTables()
    const order: string[] = []
    const insideOf = Promise.withResolvers<void>()
    const other = insideOf.promise.then(async () => {
      await db.updateTable('person').set({ age: 2 }).where('age', '=', 1).execute()
      order.push('other')
    })
    await db.transaction().execute(async (trx) => {
      insideOf.resolve()
      await trx.insertInto('person').values({ name: 'ada', age: 1 }).execute()
      expect(await db.selectFrom('person').selectAll().execute()).toEqual([])
      order.push('transaction')
    })
    await other
    expect(order).toEqual(['transaction', 'other'])
    expect(await db.selectFrom('person').select('age').execute()).toEqual([{ age: 2 }])
  })

  it('is rolled back after its deadline, and says so', async () => {
    const db = await withTables({ transactionTimeout: 100 })
    const work = db.transaction().execute(async (trx) => {
      await trx.insertInto('person').values({ name: 'ada' }).execute()
      // Waits for the transaction's end.
      await db.insertInto('person').values({ name: 'bob' }).execute()
      await trx.insertInto('person').values({ name: 'carol' }).execute()
    })
    await expect(work).rejects.toMatchObject({
      code: 'timeout',
      message: expect.stringContaining('transactionTimeout'),
    })
    expect(await db.selectFrom('person').select('name').execute()).toEqual([{ name: 'bob' }])
  })

  it('cannot be begun or ended by a statement', async () => {
    const db = await withTables()
    for (const statement of ['begin', '/* so */ commit', '-- so\n rollback', 'savepoint a', 'END'])
      expect(await failureOf(sql.raw(statement).execute(db))).toMatchObject({
        code: 'invalid',
        message: expect.stringContaining("a transaction's own methods"),
      })
    await db.transaction().execute(async (trx) => {
      await trx.insertInto('person').values({ name: 'ada' }).execute()
      expect(await outcome(sql`commit`.execute(trx))).toBe('invalid')
    })
    expect(await db.selectFrom('person').select('name').execute()).toHaveLength(1)
  })

  it('whose commit fails is rolled back', async () => {
    const { db } = await openOurs()
    await sql`create table a (id integer primary key)`.execute(db)
    await sql`create table b (a integer references a deferrable initially deferred)`.execute(db)
    const work = db.transaction().execute((trx) => sql`insert into b values (7)`.execute(trx))
    await expect(work).rejects.toMatchObject({ code: 'SQLITE_CONSTRAINT_FOREIGNKEY' })
    expect((await sql`select * from b`.execute(db)).rows).toEqual([])
  })
})

describe('a statement', () => {
  it('runs on a reader where SQLite says that it only reads, else on the writer', async () => {
    const { db, dialect } = await openOurs()
    await createTables(db)
    const database = await dialect.database()
    const { write, read } = database.figures
    for (const name of ['ada', 'bob'])
      await sql`with x as (select ${name} as name) insert into person (name) select name from x`.execute(
        db,
      )
    await sql`values (1)`.execute(db)
    await db.selectFrom('person').selectAll().execute()
    expect(database.figures.write.calls - write.calls).toBe(2)
    // SQLite was asked once about the first statement, and read the others.
    expect(database.figures.read.calls - read.calls).toBe(3)
  })

  it('is taken out of the queue where its signal aborts', async () => {
    const db = await withTables()
    const aborted = db
      .selectFrom('person')
      .selectAll()
      .execute({ signal: AbortSignal.abort(new Error('no longer needed')) })
    await expect(aborted).rejects.toThrow()
  })

  it('may run while the rows of another one are being read', async () => {
    const db = await withTables()
    await db.insertInto('person').values(people).execute()
    const seen: string[] = []
    for await (const { name } of db.selectFrom('person').select('name').stream(1)) {
      seen.push(name)
      await db
        .insertInto('person')
        .values({ name: `child of ${name}` })
        .execute()
    }
    expect(seen).toEqual(['ada', 'bob', 'carol'])
    expect(await db.selectFrom('person').select('id').execute()).toHaveLength(6)
  })

  it('of great length is run, and not remembered', async () => {
    const db = await withTables()
    const many = Array.from({ length: 2_000 }, (_, number) => ({ name: `person ${number}` }))
    for (const part of [many.slice(0, 999), many.slice(999)])
      await db.insertInto('person').values(part).execute()
    const names = many.map(({ name }) => name)
    const found = await db.selectFrom('person').select('id').where('name', 'in', names).execute()
    expect(found).toHaveLength(2_000)
  })

  it('is logged as Kysely logs it', async () => {
    await using directory = await TemporaryDirectory.create()
    const events: LogEvent[] = []
    const dialect = new OffloadDialect({ path: directory.file('app.db') })
    const db = new Kysely<Tables>({ dialect, log: (event) => void events.push(event) })
    await createTables(db)
    await db.insertInto('person').values({ name: 'ada' }).execute()
    await settled(db.insertInto('person').values({ name: 'ada' }).execute())
    await db.destroy()
    expect(events.map(({ level }) => level)).toEqual(['query', 'query', 'query', 'error'])
    expect(events.at(-1)).toMatchObject({ error: { code: 'SQLITE_CONSTRAINT_UNIQUE' } })
  })
})

describe('the database of a dialect', () => {
  it('is opened by the first query, closed by destroy, and has backups and figures', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('app.db')
    const dialect = new OffloadDialect({ path })
    const db = new Kysely<Tables>({ dialect })
    expect(await directory.list()).toEqual([])
    await createTables(db)
    const database = await dialect.database()
    await database.backup(directory.file('copy.db'))
    await db.destroy()
    expect(await outcome(database.backup(directory.file('other.db')))).toBe('closed')
    expect(await directory.list()).toEqual(['app.db', 'copy.db'])
  })

  it('that cannot be opened says why, and is tried again', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('app.db')
    writeFileSync(path, 'this is no database, but a text that is longer than its header'.repeat(9))
    const db = new Kysely<Tables>({ dialect: new OffloadDialect({ path }) })
    await expect(createTables(db)).rejects.toMatchObject({ code: 'corrupt' })
    writeFileSync(path, '')
    await createTables(db)
    await db.destroy()
    expect(readFileSync(path).subarray(0, 6).toString()).toBe('SQLite')
  })

  it('may be read only', async () => {
    await using directory = await TemporaryDirectory.create()
    const path = directory.file('app.db')
    const writer = new Kysely<Tables>({ dialect: new OffloadDialect({ path }) })
    await createTables(writer)
    const reader = new Kysely<Tables>({ dialect: new OffloadDialect({ path, readOnly: true }) })
    await writer.insertInto('person').values({ name: 'ada' }).execute()
    expect(await reader.selectFrom('person').select('name').execute()).toEqual([{ name: 'ada' }])
    const insert = reader.insertInto('person').values({ name: 'bob' }).execute()
    expect(await outcome(insert)).toBe('read_only')
    expect((await sql`pragma foreign_keys`.execute(reader)).rows).toEqual([{ foreign_keys: 1 }])
    expect(await outcome(sql`pragma user_version = 5`.execute(reader))).not.toBe('answered')
    await reader.destroy()
    await writer.destroy()
  })

  it('has functions that a file adds to every connection', async () => {
    const connection = new URL('./connection.ts', import.meta.url)
    const { db } = await openOurs({ connection })
    expect((await sql`select twice(4) as n`.execute(db)).rows).toEqual([{ n: 8 }])
    expect((await sql`create table t as select twice(5) as n`.execute(db)).rows).toEqual([])
    expect((await sql`select n from t`.execute(db)).rows).toEqual([{ n: 10 }])
  })
})
