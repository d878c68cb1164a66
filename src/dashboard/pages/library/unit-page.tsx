import { useQuery } from '@tanstack/preact-query'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Link, useLocation } from 'wouter-preact'
import { serverAddress } from '../../api/address.ts'
import { ApiError, reasonOf } from '../../api/errors.ts'
import { useObserved } from '../../api/observable.ts'
import { session } from '../../api/session.ts'
import { type ReviewItem, type UnitStatus, unitQuery, useRole } from '../../api/units.ts'
import { Button } from '../../components/button.tsx'
import { CopyButton } from '../../components/copy-button.tsx'
import { SimilarUnits } from '../../components/similar-units.tsx'
import { EmptyState, ErrorState, Skeleton } from '../../components/states.tsx'
import { showToast } from '../../components/toast.tsx'
import { UnitDetail } from '../../components/unit-detail.tsx'
import { EditForm } from './edit-form.tsx'
import { RemovalDialog } from './removal-dialog.tsx'
import { Timeline } from './timeline.tsx'
import { useUnitChanges } from './unit-changes.ts'
import './unit-page.css'

/** One unit: all that is known of it, and all that can be done to it. */
export default function UnitPage({ unitId }: { unitId: string }) {
  const unit = useQuery(unitQuery(unitId))
  const isGone = unit.error instanceof ApiError && [404, 422].includes(unit.error.status)
  return (
    <div class="page unit-page">
      <p>
        <Link href="/library" class="unit-page__back" onClick={goBack}>
          Library
        </Link>
      </p>
      {unit.isPending && <Skeleton lines={8} label="Loading the unit" />}
      {unit.data === undefined && <h1 class="visually-hidden">Unit</h1>}
      {isGone && (
        <EmptyState title="There is no such unit">
          Nothing has the id <code>{unitId}</code>. It may have been removed, or the address is
          mistyped.
        </EmptyState>
      )}
      {unit.isError && !isGone && unit.data === undefined && (
        <ErrorState
          what="The unit could not be loaded"
          error={unit.error}
          onRetry={() => void unit.refetch()}
        />
      )}
      {unit.data && !isGone && <Loaded key={unitId} item={unit.data} />}
    </div>
  )
}

/** Back to the list as it was, filters and all, if that is where one came from. */
function goBack(event: MouseEvent): void {
  if (event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0) return
  const cameFrom = (history.state as { from?: string } | null)?.from
  if (cameFrom !== 'library') return
  event.preventDefault()
  history.back()
}

function Loaded({ item }: { item: ReviewItem }) {
  const unit = item.knowledge_unit
  const [isEditing, setEditing] = useState(false)
  const heading = useRef<HTMLHeadingElement>(null)
  const hasEdited = useRef(false)
  useEffect(() => {
    document.title = `${unit.insight.summary.slice(0, 60)} - cq`
    return () => {
      document.title = 'cq'
    }
  }, [unit.insight.summary])
  useEffect(() => {
    if (!isEditing && hasEdited.current) heading.current?.focus()
    hasEdited.current = isEditing
  }, [isEditing])

  if (isEditing)
    return (
      <>
        <h1 class="unit-page__title">Edit the unit</h1>
        <EditForm item={item} onClose={() => setEditing(false)} />
      </>
    )
  return (
    <>
      <Actions item={item} onEdit={() => setEditing(true)} />
      <UnitDetail item={item} headingRef={heading} isPage>
        <Timeline item={item} />
        <SimilarUnits unit={unit} level={2} />
      </UnitDetail>
    </>
  )
}

const choices: Record<UnitStatus, readonly [UnitStatus, string, 'good' | 'bad' | 'plain'][]> = {
  pending: [
    ['approved', 'Approve', 'good'],
    ['rejected', 'Reject', 'bad'],
  ],
  approved: [
    ['rejected', 'Reject after all', 'bad'],
    ['pending', 'Re-open', 'plain'],
  ],
  rejected: [
    ['approved', 'Approve after all', 'good'],
    ['pending', 'Re-open', 'plain'],
  ],
}

function Actions({ item, onEdit }: { item: ReviewItem; onEdit: () => void }) {
  const unit = item.knowledge_unit
  const role = useRole()
  const username = useObserved(session)?.username
  const { decide, remove } = useUnitChanges(unit.id)
  const [, navigate] = useLocation()
  const [underWay, setUnderWay] = useState<UnitStatus>()
  const [isRemoving, setRemoving] = useState(false)
  const isOwn = role === 'reviewer' && unit.created_by !== null && unit.created_by === username
  const mayReview = role === 'admin' || (role === 'reviewer' && !isOwn)
  const why =
    role === 'member'
      ? 'You may look; reviewers decide.'
      : isOwn
        ? 'You proposed this unit, so that another reviewer decides.'
        : undefined

  return (
    <div class="unit-page__actions">
      {mayReview &&
        choices[item.status].map(([decision, label, kind]) => (
          <Button
            key={decision}
            kind={kind}
            busy={underWay === decision}
            disabled={underWay !== undefined}
            onClick={async () => {
              setUnderWay(decision)
              try {
                await decide(item, decision)
              } catch (error) {
                showToast({ message: `Nothing was changed. ${reasonOf(error)}`, tone: 'bad' })
              } finally {
                setUnderWay(undefined)
              }
            }}
          >
            {label}
          </Button>
        ))}
      {mayReview && <Button onClick={onEdit}>Edit</Button>}
      {why && <p class="quiet">{why}</p>}
      <span class="unit-page__gap" />
      <CopyButton kind="ghost" text={unit.id} label="Copy id" />
      <CopyButton kind="ghost" text={`${serverAddress}/ui/library/${unit.id}`} label="Copy link" />
      {role === 'admin' && (
        <>
          <Button kind="bad" onClick={() => setRemoving(true)}>
            Remove...
          </Button>
          <RemovalDialog
            unit={unit}
            isOpen={isRemoving}
            onClose={() => setRemoving(false)}
            onRemove={async () => {
              await remove()
              navigate('/library')
            }}
          />
        </>
      )}
    </div>
  )
}
