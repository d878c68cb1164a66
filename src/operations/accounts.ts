import type { Selectable } from 'kysely'
import { StoreError } from '../errors.ts'
import { roles } from '../knowledge/records.ts'
import { columnTimestamp } from '../knowledge/timestamps.ts'
import { integer, isKey } from '../sql/keyed.ts'
import { codePoints, descending } from '../sql/order.ts'
import type { Schema } from '../sql/schema.ts'
import { sql, statement } from '../sql/statement.ts'
import { allWithin, change, create, first, mostAnswered, type Steps } from '../sql/steps.ts'
import type { Accounts, ApiKey, NewApiKey } from '../store.ts'
import {
  checkFilled,
  checkInteger,
  checkNames,
  checkText,
  checkTexts,
  checkTimestamp,
} from './arguments.ts'
import { type Operation, type OperationsFor, read, write } from './operation.ts'

const insertUser = statement(
  'insert a user',
  (db, p: { username: string; passwordHash: string; createdAt: string }, dialect) =>
    db
      .insertInto('users')
      .values({ username: p.username, password_hash: p.passwordHash, created_at: p.createdAt })
      .$if(dialect === 'postgres', (query) => query.onConflict((taken) => taken.doNothing())),
)

const selectUser = statement(
  'select a user',
  (db, p: { username: string }, dialect) =>
    db
      .selectFrom('users')
      .select(['id', 'username', 'password_hash', 'created_at'])
      .where(isKey('username', p.username, dialect)),
  { key: 'username' },
)

export const deleteRole = statement("delete a user's role", (db, p: { username: string }) =>
  db.deleteFrom('cq_store_roles').where('username', '=', p.username),
)

/** As long as nobody has a role, everybody may do everything. */
const selectRole = statement(
  "select a user's role, and whether anybody has one",
  (db, p: { username: string }) =>
    db.selectNoFrom((eb) => [
      eb.selectFrom('cq_store_roles').select('role').where('username', '=', p.username).as('role'),
      // Any, found by the index.
      eb
        .selectFrom('cq_store_roles')
        .select('username')
        .where('username', '>', '')
        .limit(1)
        .as('named'),
    ]),
)

/** So that no other server adds a key meanwhile. */
const lockUser = statement('lock a user by id', (db, p: { userId: number }, dialect) =>
  db
    .selectFrom('users')
    .select('id')
    .where('id', '=', integer(p.userId, dialect))
    .$if(dialect === 'postgres', (query) => query.forUpdate()),
)

interface KeyParams extends Omit<NewApiKey, 'labels' | 'activeLimit'> {
  readonly labels: string
  readonly createdAt: string
}

/** Unless the user has as many active keys as they may have. */
const insertKey = statement(
  'insert an API key',
  (db, p: KeyParams & { activeLimit: number }, dialect) =>
    db
      .insertInto('api_keys')
      .columns([
        'id',
        'user_id',
        'name',
        'labels',
        'key_prefix',
        'key_hash',
        'ttl',
        'expires_at',
        'created_at',
      ])
      .expression(
        sql`select ${p.keyId}, ${p.userId}, ${p.name}, ${p.labels}, ${p.keyPrefix}, ${p.keyHash}, ${p.ttl},
          ${p.expiresAt}, ${p.createdAt}
          where (select count(*) from api_keys where user_id = ${integer(p.userId, dialect)}
            and revoked_at is null and ${codePoints('expires_at', dialect)} > ${p.createdAt}) < ${p.activeLimit}` as never,
      )
      .$if(dialect === 'postgres', (query) => query.onConflict((taken) => taken.doNothing())),
)

/** The columns that every reader of a key may see. */
const publicColumns = [
  'api_keys.id',
  'api_keys.name',
  'api_keys.labels',
  'api_keys.key_prefix',
  'api_keys.ttl',
  'api_keys.expires_at',
  'api_keys.created_at',
  'api_keys.last_used_at',
  'api_keys.revoked_at',
] as const

const selectKeyOfUser = statement(
  "select a user's API key",
  (db, p: { userId: number; keyId: string }, dialect) =>
    db
      .selectFrom('api_keys')
      .select([...publicColumns, 'user_id'])
      .where('id', '=', p.keyId)
      .where('user_id', '=', integer(p.userId, dialect)),
)

const selectActiveKey = statement(
  'select an active API key and its owner',
  (db, p: { keyId: string; now: string }, dialect) =>
    db
      .selectFrom('api_keys')
      .innerJoin('users', 'users.id', 'api_keys.user_id')
      .select([...publicColumns, 'api_keys.user_id', 'api_keys.key_hash', 'users.username'])
      .where('api_keys.id', '=', p.keyId)
      .where('api_keys.revoked_at', 'is', null)
      .where(codePoints('api_keys.expires_at', dialect), '>', p.now),
)

/** The most keys that are listed. Revoked ones stay, and there may be any number of them. */
const mostListed = 1_000

const selectKeysOfUser = statement(
  "select a user's API keys",
  (db, p: { userId: number }, dialect) =>
    db
      .selectFrom('api_keys')
      .select(publicColumns)
      .where('user_id', '=', integer(p.userId, dialect))
      .orderBy(descending('created_at', dialect))
      .orderBy(descending('id', dialect))
      .limit(sql.lit(mostListed)),
)

const countActiveKeys = statement(
  "count a user's active API keys",
  (db, p: { userId: number; now: string }, dialect) =>
    db
      .selectFrom('api_keys')
      .select(({ fn }) => fn.countAll<number | string>().as('count'))
      .where('user_id', '=', integer(p.userId, dialect))
      .where('revoked_at', 'is', null)
      .where(codePoints('expires_at', dialect), '>', p.now),
)

const revokeKey = statement(
  'revoke an API key',
  (db, p: { userId: number; keyId: string; now: string }, dialect) =>
    db
      .updateTable('api_keys')
      .set({ revoked_at: p.now })
      .where('id', '=', p.keyId)
      .where('user_id', '=', integer(p.userId, dialect))
      .where('revoked_at', 'is', null),
)

const touchKey = statement('touch an API key', (db, p: { keyId: string; now: string }) =>
  db.updateTable('api_keys').set({ last_used_at: p.now }).where('id', '=', p.keyId),
)

/** A key's row with its labels parsed. */
function withLabels<Row extends Pick<Selectable<Schema['api_keys']>, 'labels'>>(
  row: Row,
): Omit<Row, 'labels'> & Pick<ApiKey, 'labels'> {
  return { ...row, labels: labelsIn(row.labels) }
}

/** The labels of a row; none if another program stored something else. */
function labelsIn(text: string): string[] {
  try {
    const labels: unknown = JSON.parse(text)
    return Array.isArray(labels) ? labels.filter((label) => typeof label === 'string') : []
  } catch {
    return []
  }
}

function* activeKeys(params: { userId: number; now: string }): Steps<number> {
  return Number((yield* first(countActiveKeys, params))?.count)
}

const checkLabels = checkTexts('labels', 64)
/** The fields of `NewApiKey`: a misspelt limit would mean no limit. */
const keyNames = [
  'keyId',
  'userId',
  'name',
  'labels',
  'keyPrefix',
  'keyHash',
  'ttl',
  'expiresAt',
  'activeLimit',
] as const satisfies (keyof NewApiKey)[]

function isConflict(error: unknown): boolean {
  return error instanceof StoreError && error.code === 'conflict'
}

/** Makes an operation log its failures in place of throwing them. */
function bestEffort<Args extends unknown[]>(operation: Operation<Args, void>) {
  return { ...operation, bestEffort: true }
}

export const accounts = {
  createUser: write(
    (now, username, passwordHash) => [
      {
        username: checkFilled('username', username),
        passwordHash: checkFilled('passwordHash', passwordHash),
        createdAt: columnTimestamp(now),
      },
    ],
    function* (user) {
      yield* create(insertUser, user, `User already exists: ${user.username}`)
      // Another program may have removed one of the same name, and knows no roles.
      yield* change(deleteRole, user)
    },
  ),

  getUser: read(
    (_now, username) => [checkText('username', username)],
    function* (username) {
      return (yield* first(selectUser, { username })) ?? null
    },
  ),

  roleOf: read(
    (_now, username) => [checkText('username', username)],
    function* (username) {
      const row = yield* first(selectRole, { username })
      if (typeof row?.named !== 'string') return 'admin'
      // Another version may know other roles.
      return roles.find((role) => role === row.role) ?? 'member'
    },
  ),

  createApiKey: write(
    (now, key) => {
      const { activeLimit } = key
      checkNames('an API key', key, keyNames)
      return [
        {
          keyId: checkFilled('keyId', key.keyId),
          userId: checkInteger('userId', key.userId, 0),
          name: checkText('name', key.name),
          labels: JSON.stringify(checkLabels(key.labels)),
          keyPrefix: checkText('keyPrefix', key.keyPrefix),
          keyHash: checkFilled('keyHash', key.keyHash),
          ttl: checkFilled('ttl', key.ttl),
          expiresAt: checkTimestamp('expiresAt', key.expiresAt),
          createdAt: columnTimestamp(now),
        },
        activeLimit === undefined ? null : checkInteger('activeLimit', activeLimit, 0),
      ]
    },
    function* (key, activeLimit) {
      if (!(yield* first(lockUser, key)))
        throw new StoreError('not_found', `User not found: ${key.userId}`)
      const { userId, createdAt: now } = key
      const most = activeLimit ?? Number.MAX_SAFE_INTEGER
      const taken = 'API key already exists: its id or its hash is taken'
      try {
        yield* create(insertKey, { ...key, activeLimit: most }, taken)
      } catch (error) {
        // Of a key that is not stored, which of the two it was.
        if (!isConflict(error) || (yield* activeKeys({ userId, now })) < most) throw error
        throw new StoreError('limit_reached', `Maximum of ${activeLimit} active API keys per user`)
      }
      return {
        id: key.keyId,
        user_id: key.userId,
        name: key.name,
        labels: labelsIn(key.labels),
        key_prefix: key.keyPrefix,
        key_hash: key.keyHash,
        ttl: key.ttl,
        expires_at: key.expiresAt,
        created_at: key.createdAt,
        last_used_at: null,
        revoked_at: null,
      }
    },
  ),

  getApiKeyForUser: read(
    (_now, { userId, keyId }) => [
      { userId: checkInteger('userId', userId, 0), keyId: checkText('keyId', keyId) },
    ],
    function* (key) {
      const row = yield* first(selectKeyOfUser, key)
      return row ? withLabels(row) : null
    },
  ),

  getActiveApiKeyById: read(
    (now, keyId) => [{ keyId: checkText('keyId', keyId), now: columnTimestamp(now) }],
    function* (key) {
      const row = yield* first(selectActiveKey, key)
      return row ? withLabels(row) : null
    },
  ),

  listApiKeysForUser: read(
    (_now, userId) => [checkInteger('userId', userId, 0)],
    function* (userId) {
      return (yield* allWithin(mostAnswered, selectKeysOfUser, { userId }, 'labels')).rows.map(
        withLabels,
      )
    },
  ),

  countActiveApiKeysForUser: read(
    (now, userId) => [{ userId: checkInteger('userId', userId, 0), now: columnTimestamp(now) }],
    activeKeys,
  ),

  revokeApiKey: write(
    (now, { userId, keyId }) => [
      {
        userId: checkInteger('userId', userId, 0),
        keyId: checkText('keyId', keyId),
        now: columnTimestamp(now),
      },
    ],
    function* (key) {
      return (yield* change(revokeKey, key)) > 0
    },
  ),

  touchApiKeyLastUsed: bestEffort(
    write(
      (now, keyId) => [{ keyId: checkText('keyId', keyId), now: columnTimestamp(now) }],
      function* (key) {
        yield* change(touchKey, key)
      },
    ),
  ),
} satisfies OperationsFor<keyof Accounts>
