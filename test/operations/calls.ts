import type { StoreMethod } from '../../src/operations/operation.ts'
import type { BrowseOptions, ListOptions, Store } from '../../src/store.ts'

type Calls = { readonly [M in StoreMethod]: readonly Parameters<Store[M]>[] }

/** The id of an approved unit that must be there. */
const approvedId = `ku_${'0'.repeat(32)}`
const newId = `ku_${'a'.repeat(32)}`
const pendingId = `ku_${'b'.repeat(32)}`
const importedId = `ku_${'d'.repeat(32)}`
const keyId = 'c'.repeat(32)

const unit = (id: string) => ({
  id,
  domains: ['domain 400', 'domain 2'],
  insight: { summary: 'Summary', detail: 'Detail', action: 'Action' },
})
const key = { userId: 1, keyId }
/** It was proposed before, and its unit is gone. */
export const goneProposal = {
  ...unit(`ku_${'9'.repeat(32)}`),
  domains: ['domain 1'],
  created_by: null,
}

/** Calls of every method that, together and in this order, take every path on which a statement lies. */
export const calls: Calls = {
  insert: [[unit(newId)]],
  insertMany: [[[unit(pendingId)]]],
  get: [[approvedId]],
  getAny: [[approvedId]],
  update: [[unit(approvedId)]],
  query: [[['domain 400']], [['domain 400'], { text: 'summary' }]],
  propose: [[unit(`ku_${'e'.repeat(32)}`)], [unit(`ku_${'f'.repeat(32)}`)], [goneProposal]],
  search: [['summary of nothing']],
  similarUnits: [[unit(newId)]],
  suggestDomains: [[['domain 40000']]],
  indexTexts: [[]],
  unindexedTexts: [[]],
  confirm: [[approvedId]],
  flag: [[approvedId, { reason: 'stale' }]],

  getReviewStatus: [[approvedId]],
  setReviewStatus: [[approvedId, 'approved', 'carol']],
  decide: [
    [pendingId, 'approved', 'carol'],
    [pendingId, 'approved', 'carol'],
  ],
  reviewItem: [[approvedId]],
  pendingQueue: [[]],
  pendingCount: [[]],
  reviewQueue: [[]],
  listUnits: [
    [],
    [{ status: 'approved' }],
    [{ status: 'pending' }],
    // By a domain of few units and by one of many.
    ...['domain 400', 'common'].flatMap((domain): [ListOptions][] => [
      [{ domain }],
      [{ domain, status: 'approved', confidenceMin: 0.5 }],
    ]),
  ],
  browseUnits: [
    ...(['newest', 'oldest', 'decided'] as const).flatMap((order): [BrowseOptions][] => [
      [{ order }],
      [{ order, status: 'pending' }],
      [{ order, domain: 'domain 400' }],
    ]),
    [{ domain: 'common', text: 'nobody wrote this' }],
  ],
  countUnits: [[{ proposer: 'nobody' }]],
  listDecisions: [[{ since: '2020-01-01T00:00:00Z' }]],
  decideMany: [[[approvedId], { decision: 'rejected', from: 'approved', reviewedBy: 'carol' }]],
  editUnit: [[approvedId, { domains: ['domain 3', 'domain 2'] }, { editedBy: 'carol' }]],
  unitHistory: [[approvedId]],

  count: [[]],
  domainCounts: [[]],
  countsByStatus: [[]],
  countsByTier: [[]],
  confidenceDistribution: [[]],
  recentActivity: [[]],
  dailyCounts: [[]],
  insights: [[]],
  stats: [[]],
  reviewStats: [[]],

  createUser: [['erin', 'hash']],
  getUser: [['erin']],
  roleOf: [['erin']],
  createApiKey: [
    [
      {
        ...key,
        name: 'agent',
        labels: [],
        keyPrefix: 'abcdefgh',
        keyHash: 'hash',
        ttl: '1d',
        expiresAt: '2026-11-23T00:00:00Z',
        activeLimit: 100,
      },
    ],
  ],
  getApiKeyForUser: [[key]],
  getActiveApiKeyById: [[keyId]],
  listApiKeysForUser: [[1]],
  countActiveApiKeysForUser: [[1]],
  revokeApiKey: [[key]],
  touchApiKeyLastUsed: [[keyId]],

  endSession: [['session', '2026-11-23T00:00:00Z']],
  endSessions: [['erin']],
  getSessionUser: [['erin', 'session']],
  createLoginCode: [
    [
      {
        codeHash: 'hash',
        username: 'erin',
        generation: 1,
        codeChallenge: 'challenge',
        expiresAt: '2026-11-23T00:00:00Z',
      },
    ],
  ],
  takeLoginCode: [['hash']],

  listUsers: [[]],
  setPassword: [['erin', 'other hash']],
  setRole: [
    ['erin', 'reviewer'],
    ['erin', null],
  ],
  importUnits: [
    [[{ knowledge_unit: unit(importedId), status: 'approved' }]],
    [[{ knowledge_unit: unit(importedId) }], { existing: 'skip' }],
  ],
  exportUnits: [[]],
  removeUser: [['erin']],
  removeUnit: [[newId]],
}
