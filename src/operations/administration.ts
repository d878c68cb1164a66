import { StoreError } from '../errors.ts'
import { roles, unitStatuses } from '../knowledge/records.ts'
import { columnTimestamp } from '../knowledge/timestamps.ts'
import { ascending, codePoints } from '../sql/order.ts'
import { statement } from '../sql/statement.ts'
import {
  all,
  allWithin,
  change,
  create,
  erase,
  first,
  mostAnswered,
  type Steps,
} from '../sql/steps.ts'
import type { Administration, ReviewItemInput, UnitStatus } from '../store.ts'
import { deleteRole } from './accounts.ts'
import {
  checkFilled,
  checkInteger,
  checkOneOf,
  checkOptions,
  checkText,
  checkTimestamp,
} from './arguments.ts'
import { forgetHistory } from './curation.ts'
import { type OperationsFor, scan, write } from './operation.ts'
import { readablePage } from './readable.ts'
import { reviewColumns, toItem } from './reviews.ts'
import { deleteGeneration, lockUser, nextGeneration } from './sessions.ts'
import { forgetText } from './text-index.ts'
import { insertDomainsOf, toRecord, type UnitRecord } from './units.ts'

const selectUsers = statement(
  'select users by name',
  (db, p: { after: string; limit: number }, dialect) =>
    db
      .selectFrom('users')
      .leftJoin('cq_store_roles', 'cq_store_roles.username', 'users.username')
      .select(['id', 'users.username', 'created_at', 'role'])
      .where(codePoints('users.username', dialect), '>', p.after)
      .orderBy(ascending('users.username', dialect))
      .limit(p.limit),
)

const updatePassword = statement(
  "set a user's password",
  (db, p: { username: string; passwordHash: string }) =>
    db
      .updateTable('users')
      .set({ password_hash: p.passwordHash })
      .where('username', '=', p.username),
)

const deleteUser = statement('delete a user', (db, p: { username: string }) =>
  db.deleteFrom('users').where('username', '=', p.username),
)

const insertRole = statement("set a user's role", (db, p: { username: string; role: string }) =>
  db
    .insertInto('cq_store_roles')
    .values({ username: p.username, role: p.role })
    .onConflict((taken) => taken.column('username').doUpdateSet({ role: p.role })),
)

const deleteUnit = statement('delete a unit', (db, p: { id: string }) =>
  db.deleteFrom('knowledge_units').where('id', '=', p.id),
)

interface ReviewedRecord extends UnitRecord {
  readonly status: UnitStatus
  readonly reviewedBy: string | null
  readonly reviewedAt: string | null
}

const insertReviewed = statement('insert a unit that may be reviewed', (db, p: ReviewedRecord) =>
  db.insertInto('knowledge_units').values({
    id: p.id,
    data: p.data,
    tier: p.tier,
    created_at: p.createdAt,
    status: p.status,
    reviewed_by: p.reviewedBy,
    reviewed_at: p.reviewedAt,
  }),
)

const selectUnitId = statement('select a unit by id', (db, p: { id: string }) =>
  db.selectFrom('knowledge_units').select('id').where('id', '=', p.id),
)

const selectAfter = statement(
  'select units by id',
  (db, p: { after: string; limit: number }, dialect) =>
    db
      .selectFrom('knowledge_units')
      .select(reviewColumns)
      .where(codePoints('id', dialect), '>', p.after)
      .orderBy(ascending('id', dialect))
      .limit(p.limit),
)

function toReviewedRecord(item: ReviewItemInput, now: Date): ReviewedRecord {
  const { knowledge_unit, status = 'pending', reviewed_by = null } = item
  // A unit that is decided without a time was decided now.
  const { reviewed_at = status === 'pending' ? null : columnTimestamp(now) } = item
  return {
    ...toRecord(knowledge_unit, now),
    status: checkOneOf('status', status, unitStatuses),
    reviewedBy: reviewed_by === null ? null : checkText('reviewed_by', reviewed_by),
    reviewedAt: reviewed_at === null ? null : checkTimestamp('reviewed_at', reviewed_at),
  }
}

function checkPageAfter(options: Parameters<Administration['exportUnits']>[0]) {
  const { after, limit } = checkOptions(options, { after: '', limit: 100 })
  return { after: checkText('after', after), limit: checkInteger('limit', limit, 1) }
}

function* insertUnlessThere(record: ReviewedRecord): Steps<number> {
  if (yield* first(selectUnitId, record)) return 0
  yield* insertWhole(record)
  return 1
}

function* insertWhole(record: ReviewedRecord): Steps<void> {
  yield* create(insertReviewed, record, `Knowledge unit already exists: ${record.id}`)
  yield* insertDomainsOf(record)
}

export const administration = {
  listUsers: scan(
    (_now, options) => [checkPageAfter(options)],
    function* (page) {
      const users = yield* all(selectUsers, page)
      // Another version may know other roles.
      return users.map((user) => ({
        ...user,
        role: roles.find((role) => role === user.role) ?? null,
      }))
    },
  ),

  setRole: write(
    (_now, username, role) => [
      checkText('username', username),
      role === null ? null : checkOneOf('role', role, roles),
    ],
    function* (username, role) {
      if (!(yield* first(lockUser, { username })))
        throw new StoreError('not_found', `User not found: ${username}`)
      if (role === null) yield* change(deleteRole, { username })
      else yield* change(insertRole, { username, role })
    },
  ),

  setPassword: write(
    (now, username, passwordHash) => [
      {
        username: checkText('username', username),
        passwordHash: checkFilled('passwordHash', passwordHash),
        now: columnTimestamp(now),
      },
    ],
    function* (user) {
      if ((yield* erase(updatePassword, user)) === 0)
        throw new StoreError('not_found', `User not found: ${user.username}`)
      yield* change(nextGeneration, user)
    },
  ),

  removeUser: write(
    (_now, username) => [{ username: checkText('username', username) }],
    function* (user) {
      // First the user, which another server's call then waits for.
      const isRemoved = (yield* erase(deleteUser, user)) > 0
      yield* change(deleteRole, user)
      yield* change(deleteGeneration, user)
      return isRemoved
    },
  ),

  removeUnit: write(
    (_now, id) => [{ id: checkText('id', id) }],
    function* (unit) {
      // First the unit, which another server's call then waits for.
      const isRemoved = (yield* erase(deleteUnit, unit)) > 0
      yield* forgetHistory(unit.id)
      yield* forgetText(unit.id)
      return isRemoved
    },
  ),

  importUnits: write(
    (now, items, options) => {
      if (!Array.isArray(items)) throw new StoreError('invalid', 'items must be an array')
      const { existing } = checkOptions(options, { existing: 'conflict' })
      return [
        // Unlike `map`, it does not skip holes of a sparse array.
        Array.from(items, (item: ReviewItemInput) => toReviewedRecord(item, now)),
        checkOneOf('existing', existing, ['conflict', 'skip']),
      ]
    },
    function* (records, existing) {
      let stored = 0
      for (const record of records) {
        if (existing === 'skip') stored += yield* insertUnlessThere(record)
        else {
          yield* insertWhole(record)
          stored++
        }
      }
      return stored
    },
  ),

  exportUnits: scan(
    (_now, options) => [checkPageAfter(options)],
    (page) =>
      readablePage(
        page.limit,
        (last) => allWithin(mostAnswered, selectAfter, { ...page, after: last?.id ?? page.after }),
        toItem,
      ),
  ),
} satisfies OperationsFor<keyof Administration>
