import { useLayoutEffect, useRef } from 'preact/hooks'
import type { ReviewItem } from '../../api/units.ts'
import { TimeAgo } from '../../components/time-ago.tsx'
import { useVirtualRows } from '../../components/use-virtual-rows.ts'
import { loadAhead, type QueueState } from './review-queue.ts'

/** Pixels; the style sheet says the same. */
const rowHeight = 68

interface QueueListProps {
  state: QueueState
  currentId: string | undefined
  selected: ReadonlySet<string>
  canSelect: boolean
  onOpen: (unitId: string) => void
  /** With the shift key, from the last one on. */
  onSelect: (unitId: string, isRange: boolean) => void
  onNearEnd: () => void
}

/** The queue, of which only what is in sight is rendered. */
export function QueueList(props: QueueListProps) {
  const { state, currentId, selected, onNearEnd } = props
  const { items, isComplete, error } = state
  const scroller = useRef<HTMLDivElement>(null)
  const { indexes, before, after } = useVirtualRows(scroller, items.length, rowHeight, 0)
  const lastInSight = indexes.at(-1) ?? 0

  useLayoutEffect(() => {
    if (!isComplete && error === null && lastInSight > items.length - loadAhead) onNearEnd()
  })

  const at = items.findIndex(({ knowledge_unit }) => knowledge_unit.id === currentId)
  useLayoutEffect(() => {
    const element = scroller.current
    if (!element || at < 0) return
    const top = at * rowHeight
    if (top < element.scrollTop) element.scrollTop = top
    else if (top + rowHeight > element.scrollTop + element.clientHeight)
      element.scrollTop = top + rowHeight - element.clientHeight
  }, [at, currentId])

  return (
    <div class="queue__scroller" ref={scroller}>
      <ul class="queue__list" aria-label="Pending units">
        <li class="queue__space" aria-hidden="true" ref={(row) => setHeight(row, before)} />
        {indexes.map((index) => {
          const item = items[index]
          if (!item) return null
          const { id } = item.knowledge_unit
          return (
            <Row
              key={id}
              item={item}
              isCurrent={id === currentId}
              isSelected={selected.has(id)}
              list={props}
            />
          )
        })}
        <li class="queue__space" aria-hidden="true" ref={(row) => setHeight(row, after)} />
      </ul>
    </div>
  )
}

/** By the object model, since the policy of the page allows no attributes with style. */
function setHeight(row: HTMLElement | null, pixels: number): void {
  if (row) row.style.blockSize = `${pixels}px`
}

interface RowProps {
  item: ReviewItem
  isCurrent: boolean
  isSelected: boolean
  list: QueueListProps
}

function Row({ item, isCurrent, isSelected, list }: RowProps) {
  const { id, insight, domains, created_by, evidence, flags } = item.knowledge_unit
  return (
    <li class={`queue__row ${isCurrent ? 'queue__row--current' : ''}`}>
      {list.canSelect && (
        <label class="queue__check">
          <input
            type="checkbox"
            checked={isSelected}
            aria-label={`Select: ${insight.summary}`}
            onClick={(event) => {
              event.preventDefault()
              list.onSelect(id, event.shiftKey)
            }}
          />
        </label>
      )}
      <button
        type="button"
        class="queue__open"
        aria-current={isCurrent ? 'true' : undefined}
        onClick={() => list.onOpen(id)}
      >
        <span class="queue__summary" dir="auto">
          {insight.summary}
        </span>
        <span class="queue__facts quiet">
          <bdi>{created_by ?? 'unknown'}</bdi> · <TimeAgo at={evidence.first_observed} /> ·{' '}
          <bdi>{domains.join(', ')}</bdi>
          {flags.length > 0 && ` · ${flags.length} flags`}
        </span>
      </button>
    </li>
  )
}
