import type { FromSchema } from 'json-schema-to-ts'
import { describe, expectTypeOf, it } from 'vitest'
import type {
  Activity,
  ApiKey,
  Decision,
  Flag,
  FlagInput,
  FlagReason,
  KnowledgeUnit,
  KnowledgeUnitInput,
  ReviewItem,
  StoreErrorCode,
  Tier,
  UnitStatus,
  User,
} from '../src/index.ts'
import { createKnowledgeUnit, SqliteStore, type Store, StoreError } from '../src/index.ts'
import type {
  flagSchema,
  knowledgeUnitInputSchema,
  knowledgeUnitSchema,
} from '../src/knowledge/knowledge-unit.ts'
import { type OperationsFor, read, type StoreMethod } from '../src/operations/operation.ts'
import { type CqServerOptions, createServer } from '../src/server/index.ts'
import type { Steps } from '../src/sql/steps.ts'

/**
 * What users of the store can and can't write. The compiler is the test: each `@ts-expect-error` is an
 * error of its own where the line below it compiles.
 */
function compiled(_neverRun: (store: Store, unit: KnowledgeUnitInput) => unknown): void {}

type Result<Method extends StoreMethod> = Awaited<ReturnType<Store[Method]>>

describe('a unit', () => {
  it('is what its schema says', () => {
    expectTypeOf<FromSchema<typeof knowledgeUnitSchema>>().toEqualTypeOf<KnowledgeUnit>()
    type Input = FromSchema<typeof knowledgeUnitInputSchema>
    expectTypeOf<Input>().toExtend<KnowledgeUnitInput>()
    expectTypeOf<FromSchema<typeof flagSchema>>().toExtend<FlagInput>()
  })

  it('is known to its last field', () => {
    expectTypeOf<keyof KnowledgeUnit>().toEqualTypeOf<
      | 'id'
      | 'version'
      | 'domains'
      | 'insight'
      | 'context'
      | 'evidence'
      | 'tier'
      | 'created_by'
      | 'superseded_by'
      | 'extensions'
      | 'flags'
    >()
    expectTypeOf<KnowledgeUnit['domains']>().toEqualTypeOf<string[]>()
    expectTypeOf<KnowledgeUnit['insight']['summary']>().toEqualTypeOf<string>()
    expectTypeOf<KnowledgeUnit['evidence']['confidence']>().toEqualTypeOf<number>()
    expectTypeOf<KnowledgeUnit['created_by']>().toEqualTypeOf<string | null>()
    expectTypeOf<KnowledgeUnit['flags']>().toEqualTypeOf<Flag[]>()
    expectTypeOf<Flag['detail']>().toEqualTypeOf<string | null>()
    expectTypeOf<FlagReason>().toEqualTypeOf<'stale' | 'incorrect' | 'duplicate'>()
    expectTypeOf<Tier>().toEqualTypeOf<'local' | 'private' | 'public'>()
  })

  it('may be inserted as it was read', () => {
    expectTypeOf<KnowledgeUnit>().toExtend<KnowledgeUnitInput>()
    expectTypeOf(createKnowledgeUnit).returns.toEqualTypeOf<KnowledgeUnit>()
  })

  it('is not inserted without what makes it one', () => {
    compiled((store) => {
      const insight = { summary: 'S', detail: 'D', action: 'A' }
      store.insert({ id: 'ku_0', domains: ['a'], insight })
      // @ts-expect-error: no insight
      store.insert({ id: 'ku_0', domains: ['a'] })
      // @ts-expect-error: half an insight
      store.insert({ id: 'ku_0', domains: ['a'], insight: { summary: 'S' } })
      // @ts-expect-error: no domains
      store.insert({ id: 'ku_0', insight })
      // @ts-expect-error: no id
      store.insert({ domains: ['a'], insight })
      // @ts-expect-error: a domain is no list of them
      store.insert({ id: 'ku_0', domains: 'a', insight })
      // @ts-expect-error: no such field
      store.insert({ id: 'ku_0', domains: ['a'], insight, createdBy: 'carol' })
      // @ts-expect-error: no such tier
      store.insert({ id: 'ku_0', domains: ['a'], insight, tier: 'secret' })
      // @ts-expect-error: one unit is no list of units
      store.insertMany({ id: 'ku_0', domains: ['a'], insight })
    })
  })

  it('is not made with what its maker decides', () => {
    compiled(() => {
      const insight = { summary: 'S', detail: 'D', action: 'A' }
      createKnowledgeUnit({ domains: ['a'], insight, tier: 'public' })
      // @ts-expect-error: an id is made
      createKnowledgeUnit({ id: 'ku_0', domains: ['a'], insight })
      // @ts-expect-error: evidence is gathered
      createKnowledgeUnit({ domains: ['a'], insight, evidence: { confidence: 1 } })
    })
  })

  it('is not flagged without a reason, or for another one', () => {
    compiled((store) => {
      store.flag('ku_0', { reason: 'duplicate', duplicate_of: 'ku_1' })
      // @ts-expect-error: no reason
      store.flag('ku_0', { detail: 'old' })
      // @ts-expect-error: no such reason
      store.flag('ku_0', { reason: 'boring' })
      // @ts-expect-error: the store notes the time
      store.flag('ku_0', { reason: 'stale', timestamp: '2026-11-22T00:00:00Z' })
    })
  })

  it('may not be there', () => {
    expectTypeOf<Result<'get'>>().toEqualTypeOf<KnowledgeUnit | null>()
    expectTypeOf<Result<'getAny'>>().toEqualTypeOf<KnowledgeUnit | null>()
    expectTypeOf<Result<'reviewItem'>>().toEqualTypeOf<ReviewItem | null>()
    compiled(async (store) => {
      // @ts-expect-error: it may be null
      ;(await store.get('ku_0')).insight
    })
  })
})

describe('a query', () => {
  it('names domains, and options that there are', () => {
    compiled((store) => {
      store.query(['a'], { languages: ['go'], frameworks: [], pattern: 'storage', limit: 1 })
      store.query(['a'] as const, { languages: ['go'] as const })
      // @ts-expect-error: no domains
      store.query()
      // @ts-expect-error: a domain is no list of them
      store.query('a')
      // @ts-expect-error: no such option
      store.query(['a'], { language: ['go'] })
      // @ts-expect-error: a limit is a number
      store.query(['a'], { limit: '5' })
    })
  })

  it('of reviewers likewise', () => {
    compiled((store) => {
      store.listUnits({ domain: 'a', confidenceMin: 0.5, confidenceMax: 1, status: '', limit: 1 })
      // @ts-expect-error: no such option
      store.listUnits({ confidence_min: 0.5 })
      // @ts-expect-error: no such option
      store.pendingQueue({ page: 2 })
      // @ts-expect-error: no such option
      store.dailyCounts({ hours: 2 })
      // @ts-expect-error: an object, as it has one option
      store.dailyCounts(30)
      // @ts-expect-error: bounds are numbers
      store.confidenceDistribution(['0.3'])
    })
  })
})

describe('what may be left out', () => {
  it('may be undefined, too, and what may not be, may not', () => {
    const insight = { summary: 'S', detail: 'D', action: 'A' }
    const no = undefined
    compiled((store) => {
      store.query(['a'], { languages: no, frameworks: no, pattern: no, limit: no })
      store.pendingQueue({ limit: no, offset: no })
      store.listUnits({
        domain: no,
        status: no,
        confidenceMin: no,
        confidenceMax: no,
        limit: no,
      })
      store.dailyCounts({ days: no })
      store.listUsers({ after: no, limit: no })
      store.exportUnits({ after: no, limit: no })
      store.importUnits(
        [
          {
            knowledge_unit: { id: 'ku_0', domains: ['a'], insight, context: no },
            status: no,
            reviewed_by: no,
            reviewed_at: no,
          },
        ],
        { existing: no },
      )
      const [keyId, name, ttl] = ['a', 'b', '1d']
      const key = { keyId, userId: 1, name, labels: [], keyPrefix: 'a', keyHash: 'a', ttl }
      store.createApiKey({ ...key, expiresAt: '2027-01-01T00:00:00Z', activeLimit: no })
      store.flag('ku_0', { reason: 'stale', detail: no, duplicate_of: no })
      createKnowledgeUnit({
        domains: ['a'],
        insight,
        context: { languages: no, frameworks: no, pattern: no },
        tier: no,
        created_by: no,
        extensions: no,
        superseded_by: no,
      })
      store.insert({
        id: 'ku_0',
        domains: ['a'],
        insight,
        version: no,
        evidence: { confidence: no, confirmations: no, first_observed: no, last_confirmed: no },
        flags: no,
      })
      SqliteStore.open({
        path: 'cq.db',
        readOnly: no,
        migrate: no,
        readers: no,
        durability: no,
        maxQueue: no,
        timeout: no,
        busyTimeout: no,
        cacheSize: no,
        mmapSize: no,
        log: no,
      })
      const secrets = { jwtSecret: 'a', apiKeyPepper: 'b' }
      createServer({
        store,
        ...secrets,
        loginFailures: no,
        logger: no,
        trustProxy: no,
      })
      const options: CqServerOptions = { store, ...secrets, loginFailures: no }
      // @ts-expect-error: no path
      SqliteStore.open({ path: no })
      // @ts-expect-error: no insight
      store.insert({ id: 'ku_0', domains: ['a'], insight: no })
      // @ts-expect-error: no reason
      store.flag('ku_0', { reason: no })
      // @ts-expect-error: no secret
      createServer({ store, jwtSecret: no, apiKeyPepper: 'b' })
      return options
    })
  })
})

describe('review', () => {
  it('knows three statuses, of which two are decisions', () => {
    expectTypeOf<UnitStatus>().toEqualTypeOf<'pending' | 'approved' | 'rejected'>()
    expectTypeOf<Decision>().toEqualTypeOf<'approved' | 'rejected'>()
    expectTypeOf<ReviewItem['status']>().toEqualTypeOf<UnitStatus>()
    compiled((store) => {
      store.setReviewStatus('ku_0', 'pending', 'carol')
      // @ts-expect-error: no such status
      store.setReviewStatus('ku_0', 'unknown', 'carol')
      store.decide('ku_0', 'approved', 'carol')
      // @ts-expect-error: that is no decision
      store.decide('ku_0', 'pending', 'carol')
      // @ts-expect-error: somebody decides
      store.decide('ku_0', 'approved')
    })
  })

  it('tells who decided only where somebody did', () => {
    expectTypeOf<Activity['type']>().toEqualTypeOf<'proposed' | Decision>()
    expectTypeOf<Extract<Activity, { type: Decision }>['reviewed_by']>().toEqualTypeOf<
      string | null
    >()
    compiled((store) => {
      const tell = (activity: Activity): string | null => {
        // @ts-expect-error: not before it is known that this was a decision
        activity.reviewed_by
        if (activity.type !== 'proposed') return activity.reviewed_by
        // @ts-expect-error: nobody reviewed it
        return activity.reviewed_by
      }
      return store.recentActivity().then((activities) => activities.map(tell))
    })
  })

  it('counts by status without a promise that each is there', () => {
    compiled(async (store) => {
      const counts = await store.countsByStatus()
      // @ts-expect-error: it may be undefined
      const pending: number = counts.pending
      const { counts: all } = await store.reviewStats()
      return pending + all.pending
    })
  })
})

describe('an API key', () => {
  it('shows each reader its own columns', () => {
    expectTypeOf<Result<'createApiKey'>>().toEqualTypeOf<ApiKey>()
    expectTypeOf<Result<'getApiKeyForUser'>>().toEqualTypeOf<Omit<ApiKey, 'key_hash'> | null>()
    expectTypeOf<Result<'listApiKeysForUser'>>().toEqualTypeOf<
      Omit<ApiKey, 'key_hash' | 'user_id'>[]
    >()
    expectTypeOf<Result<'getActiveApiKeyById'>>().toEqualTypeOf<
      (ApiKey & Pick<User, 'username'>) | null
    >()
    compiled(async (store) => {
      const own = await store.getApiKeyForUser({ userId: 1, keyId: 'a' })
      // @ts-expect-error: left out
      own?.key_hash
      own?.user_id
      const [listed] = await store.listApiKeysForUser(1)
      // @ts-expect-error: left out
      listed?.key_hash
      // @ts-expect-error: left out
      listed?.user_id
      const active = await store.getActiveApiKeyById('a')
      return `${active?.username} ${active?.key_hash}`
    })
  })

  it('is told apart by names, since a user and a key are easily swapped', () => {
    compiled((store) => {
      store.revokeApiKey({ userId: 1, keyId: 'a' })
      // @ts-expect-error: an object
      store.revokeApiKey(1, 'a')
      // @ts-expect-error: the key's id is a text
      store.getApiKeyForUser({ userId: 'a', keyId: 1 })
      // @ts-expect-error: no hash
      store.createApiKey({ keyId: 'a', userId: 1, name: 'agent', labels: [], keyPrefix: 'a' })
    })
  })

  it('never changes in the hands of its reader', () => {
    compiled(async (store) => {
      const [key] = await store.listApiKeysForUser(1)
      // @ts-expect-error: read only
      if (key) key.revoked_at = null
    })
  })
})

describe('a text', () => {
  it('is asked for as the result that it tells', () => {
    compiled((store) => {
      const query: Promise<string> = store.asText('public', 'query', ['a'], { limit: 1 })
      store.asText('whole', 'stats')
      store.asText('review', 'reviewQueue', { limit: 1, offset: 1 })
      store.asText('legacy', 'flag', 'ku_0', { reason: 'stale' })
      // @ts-expect-error: no such view
      store.asText('secret', 'stats')
      // @ts-expect-error: nothing that is told over HTTP
      store.asText('whole', 'getUser', 'ann')
      // @ts-expect-error: no domains
      store.asText('public', 'query')
      // @ts-expect-error: no such option
      store.asText('public', 'query', ['a'], { offset: 1 })
      // @ts-expect-error: a flag has a reason
      store.asText('legacy', 'flag', 'ku_0')
      return query
    })
  })
})

describe('all units', () => {
  it('are iterated as reviewers see them, and are no promise', () => {
    expectTypeOf<ReturnType<Store['units']>>().toEqualTypeOf<AsyncIterable<ReviewItem>>()
    compiled(async (store) => {
      for await (const { knowledge_unit, status } of store.units({ after: 'ku_0', pageSize: 10 })) {
        const known: [KnowledgeUnit, UnitStatus] = [knowledge_unit, status]
        await store.insert(known[0])
      }
      // @ts-expect-error: a page is no limit
      store.units({ limit: 10 })
      // @ts-expect-error: not in this moment
      for (const item of store.units()) item.status
      const removed: Promise<boolean> = store.removeUnit('ku_0')
      // @ts-expect-error: one at a time
      store.removeUnit(['ku_0', 'ku_1'])
      return removed
    })
  })
})

describe('a store', () => {
  it('is disposed of at the end of a scope', () => {
    expectTypeOf<Store>().toExtend<AsyncDisposable>()
    expectTypeOf<SqliteStore>().toExtend<Store>()
    expectTypeOf(SqliteStore.open).returns.resolves.toEqualTypeOf<SqliteStore>()
  })

  it('is opened, with a path and options that there are', () => {
    compiled(() => {
      SqliteStore.open({ path: 'cq.db', durability: 'full', readers: 1, maxQueue: 1, timeout: 1 })
      // @ts-expect-error: opening takes its time, so there is no constructor
      new SqliteStore({ path: 'cq.db' })
      // @ts-expect-error: no path
      SqliteStore.open({ readers: 1 })
      // @ts-expect-error: no such option
      SqliteStore.open({ path: 'cq.db', reader: 1 })
      // @ts-expect-error: no such durability
      SqliteStore.open({ path: 'cq.db', durability: 'sometimes' })
    })
  })

  it('has every method that it promises, each answering by a promise', () => {
    expectTypeOf<ReturnType<Store[StoreMethod]>>().toExtend<Promise<unknown>>()
    compiled((store) => {
      // @ts-expect-error: no such method
      store.delete('ku_0')
      // @ts-expect-error: a Store has it all
      const half: Store = { count: () => store.count(), close: () => store.close() }
      return half
    })
  })

  it('fails with a code of a known set', () => {
    expectTypeOf<StoreError['code']>().toEqualTypeOf<StoreErrorCode>()
    compiled(() => {
      new StoreError('conflict', 'the unit exists')
      // @ts-expect-error: no such code
      new StoreError('sad', 'the unit exists')
    })
    compiled(() => {
      const code: StoreErrorCode = 'closed'
      // @ts-expect-error: never the case, so a misspelling is found
      return code === 'close'
    })
  })
})

describe('operations', () => {
  const getUser = read(
    (_now, username: string) => [username],
    // biome-ignore lint/correctness/useYield: it needs nothing of a database
    function* (_username): Steps<User | null> {
      return null
    },
  )
  const count = read(
    () => [],
    // biome-ignore lint/correctness/useYield: it needs nothing of a database
    function* (): Steps<number> {
      return 0
    },
  )

  it('are one for each method', () => {
    compiled(() => ({ getUser, count }) satisfies OperationsFor<'getUser' | 'count'>)
    // @ts-expect-error: count is missing
    compiled(() => ({ getUser }) satisfies OperationsFor<'getUser' | 'count'>)
    // @ts-expect-error: no such method
    compiled(() => ({ getUser, counts: count }) satisfies OperationsFor<'getUser'>)
  })

  it('answer what their methods do', () => {
    // @ts-expect-error: a number is no user
    compiled(() => ({ getUser: count }) satisfies OperationsFor<'getUser'>)
    // @ts-expect-error: a user is no number
    compiled(() => ({ count: getUser }) satisfies OperationsFor<'count'>)
  })

  it('take what their methods take', () => {
    const getUserByNumber = read(
      (_now, id: number) => [id],
      // biome-ignore lint/correctness/useYield: it needs nothing of a database
      function* (_id): Steps<User | null> {
        return null
      },
    )
    // @ts-expect-error: a user's name is no number
    compiled(() => ({ getUser: getUserByNumber }) satisfies OperationsFor<'getUser'>)
  })

  it('run on what they prepared', () => {
    compiled(() =>
      read(
        // @ts-expect-error: it takes a text
        (_now, username: string) => [{ username }],
        // biome-ignore lint/correctness/useYield: it needs nothing of a database
        function* (username: string): Steps<string> {
          return username
        },
      ),
    )
  })
})
