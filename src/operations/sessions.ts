import { StoreError } from '../errors.ts'
import { columnTimestamp } from '../knowledge/timestamps.ts'
import { isKey } from '../sql/keyed.ts'
import { sql, statement } from '../sql/statement.ts'
import { change, create, first, type Steps, together } from '../sql/steps.ts'
import type { NewLoginCode, Sessions, SessionUser } from '../store.ts'
import { checkFilled, checkInteger, checkNames, checkText, checkTimestamp } from './arguments.ts'
import { type OperationsFor, read, write } from './operation.ts'

/** As many as are deleted with every one that is added, so that they cannot become more and more. */
const mostForgotten = 100

/** So that no other server removes the user meanwhile. */
export const lockUser = statement('lock a user by name', (db, p: { username: string }, dialect) =>
  db
    .selectFrom('users')
    .select('id')
    .where('username', '=', p.username)
    .$if(dialect === 'postgres', (query) => query.forUpdate()),
)

const selectSessionUser = statement(
  'select a user, and the generation of their sessions',
  (db, p: { username: string }, dialect) =>
    db
      .selectFrom('users')
      .leftJoin('cq_store_session_generations as ends', 'ends.username', 'users.username')
      .select(['users.id', 'users.username', 'password_hash', 'created_at'])
      .select((eb) => eb.fn.coalesce('generation', sql.lit(0)).as('generation'))
      .select('ended_at as sessions_ended_at')
      .where(isKey('users.username', p.username, dialect)),
  { key: 'username' },
)

const selectEndedSession = statement(
  'select a session that has ended',
  (db, p: { session: string }, dialect) =>
    db
      .selectFrom('cq_store_ended_sessions')
      .select('session')
      .where(isKey('session', p.session, dialect)),
  { key: 'session' },
)

/** Ends the sessions that there are: those of a new generation are others. */
export const nextGeneration = statement(
  "end all of a user's sessions",
  (db, p: { username: string; now: string }) =>
    db
      .insertInto('cq_store_session_generations')
      .values({ username: p.username, generation: sql.lit(1), ended_at: p.now })
      .onConflict((taken) =>
        taken.column('username').doUpdateSet({
          generation: sql<number>`cq_store_session_generations.generation + 1`,
          ended_at: p.now,
        }),
      ),
)

export const deleteGeneration = statement(
  "delete the generation of a user's sessions",
  (db, p: { username: string }) =>
    db.deleteFrom('cq_store_session_generations').where('username', '=', p.username),
)

const insertEndedSession = statement(
  'end a session',
  (db, p: { session: string; expiresAt: string }) =>
    db
      .insertInto('cq_store_ended_sessions')
      .values({ session: p.session, expires_at: p.expiresAt })
      .onConflict((taken) => taken.doNothing()),
)

const deleteExpiredSessions = statement(
  'forget sessions that ended and have expired',
  (db, p: { now: string; limit: number }, dialect) =>
    db.deleteFrom('cq_store_ended_sessions').where('session', 'in', (eb) =>
      eb
        .selectFrom('cq_store_ended_sessions')
        .select('session')
        // A lower bound, too, so that it is seen to search and not to scan.
        .where('expires_at', '>', '')
        .where('expires_at', '<=', p.now)
        .orderBy('expires_at')
        .limit(p.limit)
        .$if(dialect === 'postgres', (query) => query.forUpdate().skipLocked()),
    ),
)

const insertLoginCode = statement('insert a login code', (db, p: NewLoginCode, dialect) =>
  db
    .insertInto('cq_store_login_codes')
    .values({
      code_hash: p.codeHash,
      username: p.username,
      generation: p.generation,
      code_challenge: p.codeChallenge,
      expires_at: p.expiresAt,
    })
    .$if(dialect === 'postgres', (query) => query.onConflict((taken) => taken.doNothing())),
)

const deleteExpiredCodes = statement(
  'delete login codes that have expired',
  (db, p: { now: string; limit: number }, dialect) =>
    db.deleteFrom('cq_store_login_codes').where('code_hash', 'in', (eb) =>
      eb
        .selectFrom('cq_store_login_codes')
        .select('code_hash')
        // A lower bound, too, so that it is seen to search and not to scan.
        .where('expires_at', '>', '')
        .where('expires_at', '<=', p.now)
        .orderBy('expires_at')
        .limit(p.limit)
        .$if(dialect === 'postgres', (query) => query.forUpdate().skipLocked()),
    ),
)

const takeCode = statement('take a login code', (db, p: { codeHash: string }) =>
  db
    .deleteFrom('cq_store_login_codes')
    .where('code_hash', '=', p.codeHash)
    .returning(['username', 'generation', 'code_challenge', 'expires_at']),
)

/** The fields of `NewLoginCode`. */
const codeNames = [
  'codeHash',
  'username',
  'generation',
  'codeChallenge',
  'expiresAt',
] as const satisfies (keyof NewLoginCode)[]

/** The largest integer that PostgreSQL's column holds. */
const lastGeneration = 2 ** 31 - 1

export const sessions = {
  getSessionUser: read(
    (_now, username, session = '') => [
      checkText('username', username),
      checkText('session', session),
    ],
    function* (username, session) {
      const [user, ended] = yield* together<
        [(SessionUser & object) | undefined, { session: string } | undefined]
      >(first(selectSessionUser, { username }), first(selectEndedSession, { session }))
      return user ? { ...user, session_ended: ended !== undefined } : null
    },
  ),

  endSession: write(
    (now, session, expiresAt) => [
      {
        session: checkFilled('session', session),
        expiresAt: checkTimestamp('expiresAt', expiresAt),
      },
      { now: columnTimestamp(now), limit: mostForgotten },
    ],
    function* (session, expired) {
      yield* change(insertEndedSession, session)
      yield* change(deleteExpiredSessions, expired)
    },
  ),

  endSessions: write(
    (now, username) => [{ username: checkText('username', username), now: columnTimestamp(now) }],
    function* (user) {
      if (!(yield* first(lockUser, user)))
        throw new StoreError('not_found', `User not found: ${user.username}`)
      yield* change(nextGeneration, user)
    },
  ),

  createLoginCode: write(
    (now, code) => {
      checkNames('a login code', code, codeNames)
      return [
        {
          codeHash: checkFilled('codeHash', code.codeHash),
          username: checkText('username', code.username),
          generation: checkInteger('generation', code.generation, 0, lastGeneration),
          codeChallenge: checkFilled('codeChallenge', code.codeChallenge),
          expiresAt: checkTimestamp('expiresAt', code.expiresAt),
        },
        { now: columnTimestamp(now), limit: mostForgotten },
      ]
    },
    function* (code, expired) {
      yield* create(insertLoginCode, code, 'Login code already exists: its hash is taken')
      yield* change(deleteExpiredCodes, expired)
    },
  ),

  takeLoginCode: write(
    (now, codeHash) => [{ codeHash: checkText('codeHash', codeHash) }, columnTimestamp(now)],
    function* (taken, now): Steps<Awaited<ReturnType<Sessions['takeLoginCode']>>> {
      const code = yield* first(takeCode, taken)
      if (!code || code.expires_at <= now) return null
      const { username, generation, code_challenge } = code
      const user = yield* first(selectSessionUser, { username })
      return user?.generation === generation ? { code_challenge, user } : null
    },
  ),
} satisfies OperationsFor<keyof Sessions>
