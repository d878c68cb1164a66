import type { RefObject } from 'preact'
import { useEffect, useLayoutEffect } from 'preact/hooks'
import { Link } from 'wouter-preact'
import type { ReviewItem } from '../../api/units.ts'
import { Badge, StatusBadge } from '../../components/badge.tsx'
import { TimeAgo } from '../../components/time-ago.tsx'
import { useMedia } from '../../components/use-media.ts'
import { useVirtualRows } from '../../components/use-virtual-rows.ts'
import type { UnitListing } from './unit-listing.ts'

/** Heights of a row and of a card in pixels; library.css sets the same. */
const rowHeight = 44
const cardHeight = 120
/** So many rows before the end, the next page is asked for. */
const lead = 60

interface UnitListProps {
  listing: UnitListing
  items: readonly ReviewItem[]
  scroller: RefObject<HTMLElement | null>
  /** How many there are in all, if that is known. */
  total: number | undefined
}

/** A table on wide screens, cards on narrow ones; only what is in sight is rendered. */
export function UnitList({ listing, items, scroller, total }: UnitListProps) {
  const isNarrow = useMedia('(max-width: 720px)')
  const height = isNarrow ? cardHeight : rowHeight
  const rows = useVirtualRows(scroller, items.length, height, listing.scrollOffset)
  const last = rows.indexes.at(-1) ?? 0
  const isNearEnd = last >= items.length - lead

  useLayoutEffect(() => {
    scroller.current?.scrollTo(0, listing.scrollOffset)
  }, [scroller, listing])
  useEffect(() => {
    const element = scroller.current
    const remember = () => {
      // A list that has left the page is at 0, and may still hear of how it was scrolled before.
      if (element?.isConnected && element.clientHeight > 0) listing.scrollOffset = element.scrollTop
    }
    element?.addEventListener('scroll', remember, { passive: true })
    return () => element?.removeEventListener('scroll', remember)
  }, [scroller, listing])
  useEffect(() => {
    if (isNearEnd && listing.state.value.error === null) void listing.loadMore()
  }, [listing, isNearEnd, items.length])

  const shown = rows.indexes.flatMap((index) => {
    const item = items[index]
    return item ? [{ index, item }] : []
  })
  const Shape = isNarrow ? Cards : Table
  return <Shape shown={shown} total={total ?? -1} before={rows.before} after={rows.after} />
}

interface ShapeProps {
  shown: { index: number; item: ReviewItem }[]
  total: number
  before: number
  after: number
}

function Table({ shown, total, before, after }: ShapeProps) {
  return (
    <table class="unit-table" aria-rowcount={total < 0 ? -1 : total + 1} aria-label="Units">
      <thead>
        <tr>
          <th scope="col">Summary</th>
          <th scope="col" class="unit-table__domains">
            Domains
          </th>
          <th scope="col" class="unit-table__tier">
            Tier
          </th>
          <th scope="col" class="unit-table__number">
            Confidence
          </th>
          <th scope="col" class="unit-table__number">
            Flags
          </th>
          <th scope="col" class="unit-table__proposer">
            Proposer
          </th>
          <th scope="col" class="unit-table__when">
            Proposed
          </th>
          <th scope="col" class="unit-table__status">
            Status
          </th>
        </tr>
      </thead>
      <tbody>
        <Gap height={before} />
        {shown.map(({ index, item }) => (
          <Row key={item.knowledge_unit.id} index={index} item={item} />
        ))}
        <Gap height={after} />
      </tbody>
    </table>
  )
}

/** Stands for the rows that are not rendered. */
function Gap({ height }: { height: number }) {
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a row that holds nothing cannot get the focus.
    <tr class="unit-table__gap" aria-hidden="true">
      <td colSpan={8} style={{ height: `${height}px` }} />
    </tr>
  )
}

function Row({ index, item }: { index: number; item: ReviewItem }) {
  const unit = item.knowledge_unit
  return (
    <tr class="unit-table__row" aria-rowindex={index + 2}>
      <td>
        <UnitLink item={item} class="unit-table__link" />
      </td>
      <td class="unit-table__domains">
        <span dir="auto" title={unit.domains.join(', ')}>
          {unit.domains.join(', ')}
        </span>
      </td>
      <td class="unit-table__tier">{unit.tier}</td>
      <td class="unit-table__number">{percent(unit.evidence.confidence)}</td>
      <td class="unit-table__number">{unit.flags.length || ''}</td>
      <td class="unit-table__proposer" dir="auto">
        {unit.created_by ?? 'unknown'}
      </td>
      <td class="unit-table__when">
        <TimeAgo at={unit.evidence.first_observed} />
      </td>
      <td class="unit-table__status">
        <StatusBadge status={item.status} />
      </td>
    </tr>
  )
}

function Cards({ shown, before, after }: ShapeProps) {
  return (
    <ul class="unit-cards" aria-label="Units">
      <li aria-hidden="true" style={{ height: `${before}px` }} />
      {shown.map(({ item }) => {
        const unit = item.knowledge_unit
        return (
          <li key={unit.id} class="unit-cards__card">
            <UnitLink item={item} class="unit-cards__link" />
            <p class="unit-cards__domains quiet" dir="auto">
              {unit.domains.join(', ')}
            </p>
            <p class="unit-cards__facts quiet">
              <StatusBadge status={item.status} />
              {unit.flags.length > 0 && (
                <Badge tone="warn">
                  {unit.flags.length} {unit.flags.length === 1 ? 'flag' : 'flags'}
                </Badge>
              )}
              <span>{percent(unit.evidence.confidence)}</span>
              <span class="unit-cards__proposer" dir="auto">
                {unit.created_by ?? 'unknown'}
              </span>
              <TimeAgo at={unit.evidence.first_observed} />
            </p>
          </li>
        )
      })}
      <li aria-hidden="true" style={{ height: `${after}px` }} />
    </ul>
  )
}

function UnitLink({ item, class: name }: { item: ReviewItem; class: string }) {
  const { id, insight } = item.knowledge_unit
  return (
    <Link href={`/library/${id}`} class={name} state={{ from: 'library' }}>
      <span dir="auto">{insight.summary.trim() || id}</span>
    </Link>
  )
}

function percent(fraction: number): string {
  return `${Math.round(fraction * 100)}%`
}
