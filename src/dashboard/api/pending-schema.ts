import type { components } from './schema.d.ts'

// Routes that the server's description does not hold yet; they go when `schema.d.ts` has them.

type Item = components['schemas']['ReviewItem']
type Status = Item['status']

export interface UnitFilter {
  status?: Status
  domain?: string
  tier?: 'local' | 'private' | 'public'
  proposer?: string
  text?: string
  confidence_min?: number
  confidence_max?: number
  flagged?: boolean
  proposed_after?: string
  proposed_before?: string
}

export interface Decided {
  unit_id: string
  status: Status
  reviewed_by: string | null
  reviewed_at: string | null
}

export interface Outcome {
  unit_id: string
  outcome: 'decided' | 'conflict' | 'not_found' | 'forbidden'
  status: Status | null
  reviewed_by: string | null
  reviewed_at: string | null
}

export interface UnitInsight {
  unit_id: string
  summary: string
  domains: string[]
  confidence: number
  confirmations: number
  flags: number
  last_confirmed: string
}

export interface HistoryEntry {
  at: string
  actor: string
  action: 'reopened' | 'revised' | 'edited'
  detail: string
}

interface Answer<Body> {
  200: { headers: { [name: string]: unknown }; content: { 'application/json': Body } }
  default: { headers: { [name: string]: unknown }; content: { 'application/json': Refused } }
}
type Refused = components['schemas']['Refusal'] | components['schemas']['ValidationRefusal']

interface Reads<Query, Body, Path = undefined> {
  get: {
    parameters: Path extends undefined ? { query?: Query } : { query?: Query; path: Path }
    responses: Answer<Body>
  }
}

export interface PendingPaths {
  '/api/v1/users/me': Reads<
    never,
    components['schemas']['User'] & { role?: 'admin' | 'reviewer' | 'member' }
  >
  '/api/v1/review/browse': Reads<
    UnitFilter & { order?: 'newest' | 'oldest' | 'decided'; cursor?: string; limit?: number },
    { items: Item[]; next_cursor: string | null }
  >
  '/api/v1/review/count': Reads<UnitFilter, { count: number; is_exact: boolean }>
  '/api/v1/review/decisions': Reads<
    { since?: string; limit?: number },
    { decisions: Decided[] }
  > & {
    post: {
      requestBody: {
        content: { 'application/json': { unit_ids: string[]; decision: Status; from?: Status } }
      }
      responses: Answer<{ outcomes: Outcome[] }>
    }
  }
  '/api/v1/review/{unit_id}': Reads<never, Item, { unit_id: string }> & {
    delete: {
      parameters: { path: { unit_id: string } }
      responses: {
        204: { headers: { [name: string]: unknown }; content?: never }
        default: Answer<never>['default']
      }
    }
    patch: {
      parameters: { path: { unit_id: string } }
      requestBody: {
        content: {
          'application/json': {
            domains?: string[]
            insight?: { summary?: string; detail?: string; action?: string }
            seen?: {
              domains: string[]
              insight: { summary: string; detail: string; action: string }
            }
          }
        }
      }
      responses: Answer<Item>
    }
  }
  '/api/v1/review/{unit_id}/history': Reads<never, { history: HistoryEntry[] }, { unit_id: string }>
  '/api/v1/review/insights': Reads<
    { limit?: number },
    { flagged: UnitInsight[]; most_confirmed: UnitInsight[]; stale: UnitInsight[] }
  >
}
