import type { UnitFilter } from '../../api/units.ts'

export const statuses = ['pending', 'approved', 'rejected'] as const
export const tiers = ['local', 'private', 'public'] as const
export const orders = ['newest', 'oldest', 'decided'] as const
export type Order = (typeof orders)[number]

/** What the library shows: the address's query, read leniently, since people type addresses. */
export interface LibraryView {
  readonly filter: UnitFilter
  readonly order: Order
}

/** Reads the query of an address. What it cannot mean is left out. */
export function readView(search: string): LibraryView {
  const query = new URLSearchParams(search)
  const filter: UnitFilter = {}
  const status = oneOf(statuses, query.get('status'))
  const tier = oneOf(tiers, query.get('tier'))
  const domain = query.get('domain')?.trim()
  const proposer = query.get('proposer')
  const text = query.get('text')?.trim()
  const least = fraction(query.get('confidence_min'))
  const most = fraction(query.get('confidence_max'))
  const flagged = oneOf(['true', 'false'], query.get('flagged'))
  const after = moment(query.get('proposed_after'))
  const before = moment(query.get('proposed_before'))
  if (status) filter.status = status
  if (domain) filter.domain = domain
  if (tier) filter.tier = tier
  if (proposer) filter.proposer = proposer
  if (text) filter.text = text
  if (least !== undefined) filter.confidence_min = least
  if (most !== undefined) filter.confidence_max = most
  if (flagged) filter.flagged = flagged === 'true'
  if (after) filter.proposed_after = after
  if (before) filter.proposed_before = before
  return { filter, order: oneOf(orders, query.get('order')) ?? 'newest' }
}

/** The query of the address that shows `view`, without a question mark; one order for one view. */
export function writeView({ filter, order }: LibraryView): string {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(filter).sort())
    if (value !== undefined && value !== '') query.set(name, String(value))
  if (order !== 'newest') query.set('order', order)
  return query.toString()
}

/** How many filters are set beside the status, which has tabs of its own. */
export function filterCount({ status: _, ...others }: UnitFilter): number {
  return Object.keys(others).length
}

function oneOf<Word extends string>(words: readonly Word[], value: string | null) {
  return words.find((word) => word === value)
}

function fraction(value: string | null): number | undefined {
  if (value === null || value.trim() === '') return undefined
  const number = Number(value)
  return number >= 0 && number <= 1 ? number : undefined
}

function moment(value: string | null): string | undefined {
  return value !== null && !Number.isNaN(Date.parse(value)) ? value : undefined
}
