import { describe, expect, it } from 'vitest'
import type { Store } from '../../../src/index.ts'
import { keyId, sampleKey, sampleUnit, TestClock, unitId } from '../samples.ts'
import { failure, outcome } from './failure.ts'
import { type OpenStore, shareStore } from './open-store.ts'

/** Every method of Store that answers by a promise, but its lifecycle and readiness. */
export type StoreMethod = Exclude<
  keyof Store,
  'units' | 'readiness' | 'close' | typeof Symbol.asyncDispose
>

const noon = new Date('2026-11-22T12:00:00.000Z')
const unit = sampleUnit(unitId(1), noon)
const code = {
  codeHash: 'hash',
  username: 'ann',
  generation: 0,
  codeChallenge: 'challenge',
  expiresAt: '2027-01-01T00:00:00.000Z',
}
const key = sampleKey(keyId(1), 1, new Date('2027-01-01T00:00:00.000Z'))

/** Arguments with which each method can be called. */
export const goodArguments: { readonly [M in StoreMethod]: Parameters<Store[M]> } = {
  insert: [unit],
  insertMany: [[unit]],
  get: [unit.id],
  getAny: [unit.id],
  update: [unit],
  query: [
    ['sample'],
    { languages: ['ts'], frameworks: ['vue'], pattern: 'cache', limit: 5, text: 'words' },
  ],
  propose: [unit, { idempotencyKey: 'key' }],
  search: [
    'words',
    { domains: ['sample'], languages: ['ts'], frameworks: ['vue'], pattern: 'cache', limit: 5 },
  ],
  similarUnits: [unit, { except: unit.id, limit: 5 }],
  suggestDomains: [['sample'], 5],
  indexTexts: [],
  unindexedTexts: [],
  confirm: [unit.id],
  flag: [unit.id, { reason: 'stale' }],
  getReviewStatus: [unit.id],
  setReviewStatus: [unit.id, 'approved', 'reviewer'],
  decide: [unit.id, 'approved', 'reviewer'],
  reviewItem: [unit.id],
  pendingQueue: [{ limit: 5, offset: 1 }],
  pendingCount: [],
  reviewQueue: [{ limit: 5, offset: 1 }],
  listUnits: [{ domain: 'sample', status: 'approved', confidenceMin: 0, confidenceMax: 1 }],
  browseUnits: [
    {
      status: 'pending',
      domain: 'sample',
      tier: 'private',
      proposer: 'ann',
      text: 'word',
      confidenceMin: 0.1,
      confidenceMax: 0.9,
      flagged: false,
      proposedAfter: '2026-11-22T00:00:00Z',
      proposedBefore: '2026-11-23T00:00:00Z',
      order: 'oldest',
      limit: 5,
    },
  ],
  countUnits: [{ status: 'approved' }],
  listDecisions: [{ since: '2026-11-22T00:00:00Z', limit: 5 }],
  decideMany: [[unit.id], { decision: 'approved', reviewedBy: 'reviewer' }],
  editUnit: [unit.id, { domains: ['sample'] }, { editedBy: 'reviewer' }],
  unitHistory: [unit.id],
  insights: [5],
  count: [],
  domainCounts: [],
  countsByStatus: [],
  countsByTier: [],
  confidenceDistribution: [[0.5]],
  recentActivity: [5],
  dailyCounts: [{ days: 7 }],
  stats: [],
  reviewStats: [],
  roleOf: ['ann'],
  setRole: ['ann', 'reviewer'],
  createUser: ['ann', 'hash'],
  getUser: ['ann'],
  createApiKey: [key],
  getApiKeyForUser: [{ userId: 1, keyId: key.keyId }],
  getActiveApiKeyById: [key.keyId],
  listApiKeysForUser: [1],
  countActiveApiKeysForUser: [1],
  revokeApiKey: [{ userId: 1, keyId: key.keyId }],
  touchApiKeyLastUsed: [key.keyId],
  getSessionUser: ['ann', 'session'],
  endSession: ['session', '2027-01-01T00:00:00.000Z'],
  endSessions: ['ann'],
  createLoginCode: [code],
  takeLoginCode: [code.codeHash],
  listUsers: [{ after: 'ann', limit: 5 }],
  setPassword: ['ann', 'hash'],
  removeUser: ['ann'],
  removeUnit: [unit.id],
  importUnits: [[{ knowledge_unit: unit, status: 'approved' }], { existing: 'skip' }],
  exportUnits: [{ after: unit.id, limit: 5 }],
  asText: ['public', 'query', ['sample']],
}

const noTexts = [
  undefined,
  null,
  5,
  Number.NaN,
  5n,
  true,
  {},
  ['text'],
  new String('text'),
  Symbol('text'),
  () => 'text',
  Object.create(null),
  'a\0b',
  '\ud83d',
  'a\ude00b',
]
const noNumbers = [
  undefined,
  null,
  '5',
  Number.NaN,
  5n,
  true,
  {},
  [5],
  Symbol('5'),
  Object.create(null),
]
const noObjects = [null, 5, 'text', true, 5n, Symbol('object'), [], ['text'], () => {}]
const noLists = [
  null,
  5,
  'text',
  true,
  {},
  { length: 1, 0: 'text' },
  new Set(['text']),
  Symbol('list'),
]
const noListsOfTexts = [...noLists, ...noTexts.map((text) => ['text', text]), new Array(1)]
const given = (values: readonly unknown[]) => values.filter((value) => value !== undefined)

/** The object with one property replaced by each of the values, and once without it. */
const replaced = (object: object, property: string, values: readonly unknown[]) =>
  values.map((value) => ({ ...object, [property]: value }))

const noUnits = [
  undefined,
  ...noObjects,
  {},
  ...replaced(unit, 'id', noTexts),
  ...replaced(unit, 'domains', [undefined, ...noListsOfTexts]),
  ...replaced(unit, 'insight', [undefined, ...noObjects, {}]),
  ...['summary', 'detail', 'action'].flatMap((part) =>
    replaced(unit.insight, part, noTexts).map((insight) => ({ ...unit, insight })),
  ),
  ...replaced(unit, 'context', noObjects),
  ...replaced(unit, 'evidence', noObjects),
  ...replaced(unit, 'tier', given(noTexts)),
  ...replaced(unit, 'version', given(noNumbers)),
  ...replaced(unit, 'created_by', given(noTexts).slice(1)),
  ...replaced(unit, 'flags', noLists),
  ...replaced(unit, 'extensions', noObjects.slice(1)),
  ...replaced(unit, 'extensions', [
    { 'vendor:key': Number.NaN },
    { 'vendor:key': [5n] },
    { 'vendor:key': () => {} },
    { 'vendor:key': { deep: ['a\0b'] } },
    { 'vendor:key': { '\ud83d': 1 } },
    { 'vendor:key': circle() },
  ]),
]
const noSearched = [...given(noTexts), 'x'.repeat(10_001)]
const noPages = [
  ...noObjects,
  ...['limit', 'offset'].flatMap((part) => replaced({}, part, given(noNumbers))),
]
const noPagesAfter = [
  ...noObjects,
  ...replaced({}, 'after', given(noTexts)),
  ...replaced({}, 'limit', [...given(noNumbers), 0, -1, 1.5]),
]
const decided = { knowledge_unit: unit, status: 'approved' }
const noItems = [
  undefined,
  ...noObjects,
  {},
  ...noUnits.map((wrong) => ({ ...decided, knowledge_unit: wrong })),
  ...replaced(decided, 'status', [...given(noTexts), 'odd']),
  ...replaced(decided, 'reviewed_by', given(noTexts).slice(1)),
  ...replaced(decided, 'reviewed_at', [
    ...given(noTexts).slice(1),
    '',
    'soon',
    '2026-02-30T00:00:00Z',
  ]),
]

const noFilters = [
  ...noObjects,
  ...['status', 'tier'].flatMap((part) => replaced({}, part, [...given(noTexts), 'odd'])),
  ...['domain', 'proposer', 'text'].flatMap((part) => replaced({}, part, given(noTexts))),
  ...replaced({}, 'text', ['x'.repeat(201)]),
  ...['confidenceMin', 'confidenceMax'].flatMap((part) => replaced({}, part, given(noNumbers))),
  ...replaced({}, 'flagged', [0, 'true', {}]),
  ...['proposedAfter', 'proposedBefore'].flatMap((part) =>
    replaced({}, part, [...given(noTexts), 'soon']),
  ),
]
const deciding = { decision: 'approved', reviewedBy: 'reviewer' }

function circle(): object {
  const list: unknown[] = []
  list.push(list)
  return list
}

/** Arguments that each method must refuse as `invalid`. A method without arguments ignores them. */
const badArguments: { readonly [M in StoreMethod]: readonly (readonly unknown[])[] } = {
  insert: noUnits.map((wrong) => [wrong]),
  insertMany: [
    ...[undefined, ...noLists, new Array(1)].map((wrong) => [wrong]),
    ...noUnits.map((wrong) => [[unit, wrong]]),
  ],
  get: noTexts.map((id) => [id]),
  getAny: noTexts.map((id) => [id]),
  update: noUnits.map((wrong) => [wrong]),
  query: [
    ...[undefined, ...noListsOfTexts].map((domains) => [domains]),
    ...noObjects.map((options) => [['sample'], options]),
    ...['languages', 'frameworks'].flatMap((part) =>
      replaced({}, part, noListsOfTexts).map((options) => [['sample'], options]),
    ),
    ...replaced({}, 'pattern', given(noTexts)).map((options) => [['sample'], options]),
    ...replaced({}, 'limit', given(noNumbers)).map((options) => [['sample'], options]),
    ...noSearched.map((text) => [['sample'], { text }]),
  ],
  propose: [
    ...noUnits.map((wrong) => [wrong]),
    ...[...noObjects, ...replaced({}, 'idempotencyKey', [...given(noTexts), 'x'.repeat(256)])].map(
      (options) => [unit, options],
    ),
  ],
  search: [
    ...[undefined, ...noSearched].map((text) => [text]),
    ...[
      ...noObjects,
      ...['domains', 'languages', 'frameworks'].flatMap((part) =>
        replaced({}, part, noListsOfTexts),
      ),
      ...replaced({}, 'pattern', given(noTexts)),
      ...replaced({}, 'limit', [...given(noNumbers), 0, 51]),
    ].map((options) => ['words', options]),
  ],
  similarUnits: [
    ...[undefined, ...noObjects, {}],
    ...replaced(unit, 'domains', [undefined, ...noListsOfTexts]),
    ...replaced(unit, 'insight', [undefined, ...noObjects, {}]),
  ]
    .map((proposal): unknown[] => [proposal])
    .concat(
      [
        ...noObjects,
        ...replaced({}, 'except', given(noTexts)),
        ...replaced({}, 'limit', [...given(noNumbers), 0, 21]),
      ].map((options) => [unit, options]),
    ),
  suggestDomains: [
    ...[undefined, ...noListsOfTexts].map((domains) => [domains]),
    ...[...given(noNumbers), 0, 21].map((limit) => [['sample'], limit]),
  ],
  indexTexts: [],
  unindexedTexts: [],
  confirm: noTexts.map((id) => [id]),
  flag: [
    ...noTexts.map((id) => [id, { reason: 'stale' }]),
    ...[undefined, ...noObjects, {}].map((flag) => [unit.id, flag]),
    ...noTexts.map((reason) => [unit.id, { reason }]),
    ...['detail', 'duplicate_of'].flatMap((part) =>
      replaced({ reason: 'stale' }, part, given(noTexts).slice(1)).map((flag) => [unit.id, flag]),
    ),
  ],
  getReviewStatus: noTexts.map((id) => [id]),
  setReviewStatus: [
    ...noTexts.map((id) => [id, 'approved', 'reviewer']),
    ...noTexts.map((status) => [unit.id, status, 'reviewer']),
    ...noTexts.map((reviewedBy) => [unit.id, 'approved', reviewedBy]),
  ],
  decide: [
    ...noTexts.map((id) => [id, 'approved', 'reviewer']),
    ...noTexts.map((decision) => [unit.id, decision, 'reviewer']),
    ...noTexts.map((reviewedBy) => [unit.id, 'approved', reviewedBy]),
  ],
  reviewItem: noTexts.map((id) => [id]),
  pendingQueue: noPages.map((page) => [page]),
  pendingCount: [],
  reviewQueue: noPages.map((page) => [page]),
  listUnits: [
    ...noObjects,
    ...['domain', 'status'].flatMap((part) => replaced({}, part, given(noTexts))),
    ...['confidenceMin', 'confidenceMax', 'limit'].flatMap((part) =>
      replaced({}, part, given(noNumbers)),
    ),
  ].map((options) => [options]),
  browseUnits: [
    ...noFilters,
    ...replaced({}, 'order', [...given(noTexts), 'odd']),
    ...replaced({}, 'cursor', [...given(noTexts), 'odd', 'W10', 'WzEsMl0']),
    ...replaced({}, 'limit', [...given(noNumbers), 0, 501, 1.5]),
  ].map((options) => [options]),
  countUnits: noFilters.map((filters) => [filters]),
  listDecisions: [
    ...noObjects,
    ...replaced({}, 'since', [...given(noTexts), 'soon']),
    ...replaced({}, 'limit', [...given(noNumbers), 0, 501]),
  ].map((options) => [options]),
  decideMany: [
    ...[undefined, ...noListsOfTexts, Array(501).fill(unit.id)].map((ids) => [ids, deciding]),
    ...[undefined, ...noObjects, {}].map((input) => [[unit.id], input]),
    ...[
      ...replaced(deciding, 'decision', [...noTexts, 'pending', 'odd']),
      ...replaced(deciding, 'from', [...given(noTexts), 'approved', 'odd']),
      ...replaced(deciding, 'reviewedBy', noTexts),
      ...replaced(deciding, 'ownProposals', [null, 1, 'no']),
    ].map((input) => [[unit.id], input]),
  ],
  editUnit: [
    ...noTexts.map((id) => [id, {}, { editedBy: 'reviewer' }]),
    ...[undefined, ...noObjects.filter((one) => !Array.isArray(one) || one.length > 0)].map(
      (edit) => [unit.id, edit, { editedBy: 'reviewer' }],
    ),
    ...[
      ...replaced({}, 'domains', noListsOfTexts),
      ...replaced({}, 'insight', [...noObjects.slice(0, 6), { sumary: 'text' }]),
      ...['summary', 'detail', 'action'].flatMap((part) =>
        replaced({}, part, given(noTexts)).map((insight) => ({ insight })),
      ),
    ].map((edit) => [unit.id, edit, { editedBy: 'reviewer' }]),
    ...[
      undefined,
      ...noObjects,
      {},
      ...replaced({}, 'editedBy', noTexts),
      ...replaced({ editedBy: 'reviewer' }, 'seen', [5, 'text', {}, { domains: ['a'] }]),
      ...replaced({ editedBy: 'reviewer' }, 'ownProposals', [null, 1, 'no']),
    ].map((options) => [unit.id, {}, options]),
  ],
  unitHistory: noTexts.map((id) => [id]),
  insights: [...given(noNumbers), 0, 101].map((limit) => [limit]),
  roleOf: noTexts.map((username) => [username]),
  setRole: [
    ...noTexts.map((username) => [username, 'admin']),
    ...noTexts.filter((role) => role !== null).map((role) => ['ann', role]),
    ['ann', 'odd'],
  ],
  count: [],
  domainCounts: [],
  countsByStatus: [],
  countsByTier: [],
  confidenceDistribution: [...noLists, ...noNumbers.map((bound) => [0.5, bound]), new Array(1)].map(
    (bounds) => [bounds],
  ),
  recentActivity: given(noNumbers).map((limit) => [limit]),
  dailyCounts: [...noObjects, ...replaced({}, 'days', given(noNumbers))].map((options) => [
    options,
  ]),
  stats: [],
  reviewStats: [],
  createUser: [
    ...noTexts.map((username) => [username, 'hash']),
    ...noTexts.map((passwordHash) => ['ann', passwordHash]),
  ],
  getUser: noTexts.map((username) => [username]),
  createApiKey: [
    ...[undefined, ...noObjects, {}],
    ...['keyId', 'name', 'keyPrefix', 'keyHash', 'ttl', 'expiresAt'].flatMap((part) =>
      replaced(key, part, noTexts),
    ),
    ...replaced(key, 'userId', noNumbers),
    ...replaced(key, 'labels', [undefined, ...noListsOfTexts]),
    ...replaced(key, 'activeLimit', given(noNumbers)),
  ].map((wrong) => [wrong]),
  getApiKeyForUser: [
    ...[undefined, ...noObjects, {}],
    ...replaced({ keyId: key.keyId }, 'userId', noNumbers),
    ...replaced({ userId: 1 }, 'keyId', noTexts),
  ].map((wrong) => [wrong]),
  getActiveApiKeyById: noTexts.map((id) => [id]),
  listApiKeysForUser: noNumbers.map((userId) => [userId]),
  countActiveApiKeysForUser: noNumbers.map((userId) => [userId]),
  revokeApiKey: [
    ...[undefined, ...noObjects, {}],
    ...replaced({ keyId: key.keyId }, 'userId', noNumbers),
    ...replaced({ userId: 1 }, 'keyId', noTexts),
  ].map((wrong) => [wrong]),
  touchApiKeyLastUsed: noTexts.map((id) => [id]),
  getSessionUser: [
    ...noTexts.map((username) => [username, 'session']),
    ...given(noTexts).map((session) => ['ann', session]),
  ],
  endSession: [
    ...noTexts.map((session) => [session, code.expiresAt]),
    ...noTexts.map((expiresAt) => ['session', expiresAt]),
  ],
  endSessions: noTexts.map((username) => [username]),
  createLoginCode: [
    ...[undefined, ...noObjects, {}],
    ...['codeHash', 'username', 'codeChallenge', 'expiresAt'].flatMap((part) =>
      replaced(code, part, noTexts),
    ),
    ...replaced(code, 'generation', noNumbers),
  ].map((wrong) => [wrong]),
  takeLoginCode: noTexts.map((codeHash) => [codeHash]),
  listUsers: noPagesAfter.map((page) => [page]),
  setPassword: [
    ...noTexts.map((username) => [username, 'hash']),
    ...noTexts.map((passwordHash) => ['ann', passwordHash]),
  ],
  removeUser: noTexts.map((username) => [username]),
  removeUnit: noTexts.map((id) => [id]),
  importUnits: [
    ...[undefined, ...noLists, new Array(1)].map((wrong) => [wrong]),
    ...noItems.map((wrong) => [[{ knowledge_unit: unit }, wrong]]),
    ...noObjects.map((options) => [[], options]),
    ...replaced({}, 'existing', given(noTexts)).map((options) => [[], options]),
  ],
  exportUnits: noPagesAfter.map((page) => [page]),
  asText: [
    ...[...noTexts, 'odd'].map((view) => [view, 'stats']),
    ...[...noTexts, 'odd', 'count', 'close'].map((method) => ['public', method]),
    ...noListsOfTexts.map((domains) => ['public', 'query', domains]),
    ...noTexts.map((id) => ['legacy', 'confirm', id]),
    ...noPages.map((page) => ['review', 'reviewQueue', page]),
  ],
}

/** Methods that take an object in which something may be left out, and how it is misspelt. */
const misspelt: { readonly [M in StoreMethod]?: readonly unknown[] } = {
  query: [['sample'], { languges: ['ts'] }],
  pendingQueue: [{ ofset: 5 }],
  reviewQueue: [{ page: 5 }],
  listUnits: [{ confidence_min: 0.5 }],
  dailyCounts: [{ day: 7 }],
  browseUnits: [{ offset: 5 }],
  countUnits: [{ limit: 5 }],
  listDecisions: [{ after: '' }],
  decideMany: [[unit.id], { decision: 'approved', reviewer: 'ann' }],
  editUnit: [unit.id, {}, { editedBy: 'ann', sean: undefined }],
  createApiKey: [{ ...key, activelimit: 1 }],
  createLoginCode: [{ ...code, expires_at: undefined }],
  listUsers: [{ offset: 1 }],
  importUnits: [[], { existing: 'skip', onConflict: undefined }],
  exportUnits: [{ from: unit.id }],
  asText: ['public', 'query', ['sample'], { offset: 1 }],
}

/** The same, with nothing in it. */
const unsaid: { readonly [M in StoreMethod]?: readonly unknown[] } = {
  query: [['sample'], undefinedAt('languages', 'frameworks', 'pattern', 'limit')],
  pendingQueue: [undefinedAt('limit', 'offset')],
  reviewQueue: [undefinedAt('limit', 'offset')],
  listUnits: [undefinedAt('domain', 'status', 'confidenceMin', 'confidenceMax', 'limit')],
  dailyCounts: [undefinedAt('days')],
  recentActivity: [undefined],
  confidenceDistribution: [undefined],
  getSessionUser: ['ann', undefined],
  listUsers: [undefinedAt('after', 'limit')],
  importUnits: [[], undefinedAt('existing')],
  exportUnits: [undefinedAt('after', 'limit')],
  asText: ['public', 'query', ['sample'], undefinedAt('limit')],
}

function undefinedAt(...names: string[]): object {
  return Object.fromEntries(names.map((name) => [name, undefined]))
}

export const storeMethods = Object.keys(goodArguments) as StoreMethod[]

/** Calls a method as plain JavaScript may. */
export function callUntyped(
  store: Store,
  method: StoreMethod,
  args: readonly unknown[],
): Promise<unknown> {
  return (store[method] as (...args: unknown[]) => Promise<unknown>).apply(store, [...args])
}

export function describeArguments(openStore: OpenStore): void {
  describe('arguments of the wrong kind', () => {
    const the = shareStore(openStore, new TestClock('2026-11-22T12:00:00.000Z').now)

    it.each(storeMethods.filter((method) => badArguments[method].length > 0))(
      '%s refuses as invalid, each alone',
      async (method) => {
        const calls = badArguments[method]
        const outcomes = await Promise.all(
          calls.map((args) => outcome(callUntyped(the.store, method, args))),
        )
        const taken = outcomes.flatMap((outcome, index) =>
          'code' in outcome && outcome.code === 'invalid' ? [] : [{ args: calls[index], outcome }],
        )
        expect(taken).toEqual([])
      },
    )

    it.each(Object.entries(misspelt))(
      '%s refuses as invalid an option that there is not, and names it',
      async (method, args) => {
        const call = callUntyped(the.store, method as StoreMethod, args)
        const wrong = Object.keys(args.at(-1) as object).at(-1) ?? ''
        expect(await failure('invalid', call)).toContain(`must not have "${wrong}"`)
      },
    )

    it.each(Object.entries(unsaid))(
      '%s takes an option that is undefined for one left out',
      async (method, args) => {
        const without = args.slice(0, -1)
        expect(await callUntyped(the.store, method as StoreMethod, args)).toEqual(
          await callUntyped(the.store, method as StoreMethod, without),
        )
      },
    )

    it('left nothing behind', async () => {
      expect(await the.store.count()).toBe(0)
      expect(await the.store.getUser('ann')).toBeNull()
    })

    it('do not spoil the calls that are made at the same time', async () => {
      const domains = ['beside']
      const units = Array.from({ length: 20 }, (_, number) =>
        sampleUnit(unitId(100 + number), noon, { domains }),
      )
      const outcomes = units.flatMap((unit) => [
        outcome(the.store.insert(unit)),
        ...noTexts.map((id) => outcome(callUntyped(the.store, 'get', [id]))),
        ...noUnits.slice(0, 5).map((wrong) => outcome(callUntyped(the.store, 'insert', [wrong]))),
      ])
      const refused = units.length * (noTexts.length + 5)
      const ended = await Promise.all(outcomes)
      expect(ended.filter((one) => 'value' in one)).toHaveLength(units.length)
      expect(ended.filter((one) => 'code' in one && one.code === 'invalid')).toHaveLength(refused)
      expect(await the.store.listUnits({ domain: 'beside' })).toHaveLength(units.length)
    })

    it('are none where a list or a unit is wrapped in a proxy, as reactive frameworks do', async () => {
      const wrapped = <T extends object>(value: T): T => new Proxy(value, {})
      const unit = sampleUnit(unitId(200), noon, { domains: ['wrapped'] })
      await the.store.insert(wrapped({ ...unit, domains: wrapped(unit.domains) }))
      await the.store.insertMany(wrapped([]))
      await the.store.setReviewStatus(unit.id, 'approved', 'reviewer')
      const languages = wrapped(['ts'])
      const found = the.store.query(
        wrapped(['wrapped']),
        wrapped({ languages, frameworks: wrapped(['vue']) }),
      )
      expect(await found).toEqual([unit])
      expect(await the.store.confidenceDistribution(wrapped([0.5]))).toEqual({
        '0.0-0.5': 0,
        '0.5-1.0': 1,
      })
      await the.store.createUser('wrapped', 'hash')
      const { id: userId } = (await the.store.getUser('wrapped')) ?? expect.fail()
      const key = sampleKey(keyId(1), userId, new Date('2027-01-01T00:00:00.000Z'), {
        labels: wrapped(['ci']),
      })
      expect((await the.store.createApiKey(wrapped(key))).labels).toEqual(['ci'])
    })

    it('are none where what may be left out is undefined', async () => {
      const { id, domains, insight } = sampleUnit(unitId(300), noon, { domains: ['unsaid'] })
      const evidence = undefinedAt(
        'confidence',
        'confirmations',
        'first_observed',
        'last_confirmed',
      )
      const context = undefinedAt('languages', 'frameworks', 'pattern')
      const others = undefinedAt('version', 'tier', 'created_by', 'superseded_by', 'extensions')
      await the.store.insert({
        id,
        domains,
        insight,
        context,
        evidence,
        flags: undefined,
        ...others,
      })
      await the.store.importUnits([
        {
          knowledge_unit: { id: unitId(301), domains, insight, context: undefined },
          ...undefinedAt('status', 'reviewed_by', 'reviewed_at'),
        },
      ])
      await the.store.setReviewStatus(id, 'approved', 'reviewer')
      const flags = { reason: 'stale', ...undefinedAt('detail', 'duplicate_of') } as const
      expect((await the.store.flag(id, flags)).flags).toMatchObject(
        [flags.reason].map((reason) => ({
          reason,
          detail: null,
          duplicate_of: null,
        })),
      )
      const { knowledge_unit, ...status } =
        (await the.store.reviewItem(unitId(301))) ?? expect.fail()
      expect(status).toEqual({ status: 'pending', reviewed_by: null, reviewed_at: null })
      expect(knowledge_unit.context).toEqual({ languages: [], frameworks: [], pattern: '' })
    })
  })
}
