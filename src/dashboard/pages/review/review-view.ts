import type { UnitFilter } from '../../api/units.ts'
import { readView, writeView } from '../library/unit-filter.ts'

/** How long ago a unit was proposed, as the address names it: within so many days, or before. */
export const ages = {
  '1d': 'Within a day',
  '7d': 'Within a week',
  '30d': 'Within 30 days',
  'over-7d': 'Over a week ago',
  'over-30d': 'Over 30 days ago',
} as const
export type Age = keyof typeof ages

/** What the queue shows: the address's query, but for the unit that is open. */
export interface ReviewView {
  readonly filter: UnitFilter
  readonly age: Age | undefined
  readonly order: 'oldest' | 'newest'
}

/** Reads the query of an address. What it cannot mean is left out. */
export function readReviewView(search: string): ReviewView {
  const query = new URLSearchParams(search)
  const { status: _, proposed_after, proposed_before, ...filter } = readView(search).filter
  const age = query.get('age')
  return {
    filter,
    age: age !== null && Object.hasOwn(ages, age) ? (age as Age) : undefined,
    order: query.get('order') === 'newest' ? 'newest' : 'oldest',
  }
}

/** The query of the address that shows a view and a unit; one order for one view. */
export function writeReviewView({ filter, age, order }: ReviewView, unit?: string): string {
  const query = new URLSearchParams(writeView({ filter, order: 'newest' }))
  if (age) query.set('age', age)
  if (order === 'newest') query.set('order', order)
  if (unit) query.set('unit', unit)
  return query.toString()
}

/** What the server is asked for. */
export function filterOf({ filter, age }: ReviewView, now: Date): UnitFilter {
  if (!age) return { ...filter, status: 'pending' }
  const days = Number.parseInt(age.replace('over-', ''), 10)
  const limit = new Date(now.getTime() - days * 86_400_000).toISOString()
  const bound = age.startsWith('over') ? { proposed_before: limit } : { proposed_after: limit }
  return { ...filter, ...bound, status: 'pending' }
}

export function isFiltered({ filter, age }: ReviewView): boolean {
  return age !== undefined || Object.keys(filter).length > 0
}
