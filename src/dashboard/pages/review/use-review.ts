import { useQueryClient } from '@tanstack/preact-query'
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks'
import { ApiError, reasonOf } from '../../api/errors.ts'
import { useObserved } from '../../api/observable.ts'
import { type ReviewItem, type UnitStatus, unitQuery } from '../../api/units.ts'
import { showToast } from '../../components/toast.tsx'
import { type Decision, faultOf, followDecisions, sendDecision } from './decisions.ts'
import type { Fault, Outcomes } from './review-dialogs.tsx'
import { ReviewQueue, type Taken } from './review-queue.ts'
import type { ReviewView } from './review-view.ts'

/** How long a decision can be undone once the server has answered. */
const undoSeconds = 10

interface Undoable {
  readonly taken: readonly Taken[]
  readonly decision: Decision
  /** No end is known before the server has answered. */
  until: number
  readonly sent: ReturnType<typeof sendDecision>
  readonly closeToast: () => void
}

const idOf = (item: ReviewItem | undefined) => item?.knowledge_unit.id
const isUndoable = ({ until }: Undoable) => Date.now() <= until
const summaryOf = ({ item }: Taken) => item.knowledge_unit.insight.summary

/**
 * A queue under review: which unit is open, which are selected, and what is done to them.
 * @param opensFirst whether the first unit is open where none was chosen
 */
export function useReview(view: ReviewView, given: string | undefined, opensFirst: boolean) {
  const queryClient = useQueryClient()
  const [generation, setGeneration] = useState(0)
  const queue = useMemo(() => new ReviewQueue(view), [view, generation])
  const state = useObserved(queue.state)
  const [chosenId, open] = useState(given)
  /** The unit that is open though it is not, or no longer, in the queue. */
  const [held, setHeld] = useState<Taken>()
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set())
  const [outcomes, setOutcomes] = useState<Outcomes>()
  /** The latest decision last. */
  const undoable = useRef<Undoable[]>([])
  /** When the answer came that took a decision back, on the page's clock, by unit. */
  const undoneAt = useRef(new Map<string, number>())
  const lastSelected = useRef<string | undefined>(undefined)

  const isHeld = held !== undefined && idOf(held.item) === chosenId
  const chosenAt = queue.indexOf(chosenId)
  const index = chosenAt >= 0 || isHeld || !opensFirst ? chosenAt : 0
  const current = isHeld && chosenAt < 0 ? held.item : state.items[index]
  const currentId = idOf(current)

  useEffect(() => {
    setSelected(new Set())
    void queue.loadMore()
    return () => queue.stop()
  }, [queue])

  // A unit that is named by the address need not be on the first page, nor pending.
  useEffect(() => {
    if (given === undefined || queue.indexOf(given) >= 0 || idOf(held?.item) === given) return
    queryClient
      .fetchQuery(unitQuery(given))
      .then((item) => {
        if (item.status === 'pending') queue.addFirst(item)
        else setHeld({ item, index: 0 })
        open(given)
      })
      .catch((error: unknown) => showToast({ message: reasonOf(error), tone: 'bad' }))
    // Only when the address changes: what is taken out later is not to be loaded again.
  }, [given, queue])

  // Where others have decided the unit that is open, it stays until one moves on.
  const latestId = useRef(currentId)
  latestId.current = currentId
  useEffect(
    () =>
      followDecisions((decided, askedAt) => {
        // An answer that was asked for before an undo may tell of what is no more.
        const news = decided.filter(({ unit_id }) => askedAt > (undoneAt.current.get(unit_id) ?? 0))
        const byId = new Map(news.map((one) => [one.unit_id, one]))
        const taken = queue.take(new Set(byId.keys()))
        for (const { item, index: at } of taken) {
          const { status, reviewed_by, reviewed_at } = byId.get(idOf(item) ?? '') ?? item
          if (idOf(item) !== latestId.current) continue
          setHeld({ item: { ...item, status, reviewed_by, reviewed_at }, index: at })
          open(idOf(item))
        }
        const [first] = taken
        if (!first) return
        const { status, reviewed_by } = byId.get(idOf(first.item) ?? '') ?? first.item
        const message =
          taken.length === 1
            ? `${capital(status)} by ${reviewed_by}: ${summaryOf(first)}`
            : `Other reviewers decided ${taken.length} units.`
        showToast({ message, key: 'others' })
      }),
    [queue],
  )

  /** Opens the unit so many places further on; the ends of the queue stop it. */
  const move = useCallback(
    (by: 1 | -1): string | undefined => {
      const { items } = queue.state.value
      const at = queue.indexOf(latestId.current)
      // What is held is between the units before and after it.
      const from = at >= 0 ? at : (held?.index ?? -1) - (by === 1 ? 1 : 0)
      const next = items[Math.max(0, Math.min(items.length - 1, from + by))]
      // At once, for keys that come faster than the page is rendered.
      if (next) latestId.current = idOf(next)
      if (next) open(idOf(next))
      return idOf(next)
    },
    [queue, held],
  )

  const decide = (unitIds: ReadonlySet<string>, decision: Decision) => {
    const at = queue.indexOf(currentId)
    const taken = queue.take(unitIds)
    const [first] = taken
    if (!first) return
    setSelected(new Set())
    if (currentId !== undefined && unitIds.has(currentId)) {
      const before = taken.filter((one) => one.index < at).length
      const { items } = queue.state.value
      open(idOf(items[at - before] ?? items[at - before - 1]))
    }
    const sent = sendDecision(
      taken.map(({ item }) => item.knowledge_unit.id),
      decision,
      'pending',
    )
    const what = taken.length === 1 ? `: ${summaryOf(first)}` : ` ${taken.length} units.`
    const closeToast = showToast({
      message: `${capital(decision)}${what}`,
      seconds: undoSeconds,
      after: sent,
      key: 'decision',
      action: { label: 'Undo', shortcut: 'u', run: () => void undo() },
    })
    const until = Number.POSITIVE_INFINITY
    const done: Undoable = { taken, decision, until, sent, closeToast }
    undoable.current = [...undoable.current.filter(isUndoable), done]
    void settle(done)
  }

  const settle = async (done: Undoable) => {
    const { taken, decision, sent, closeToast } = done
    const { outcomes: each, failed, error } = await sent
    done.until = Date.now() + undoSeconds * 1_000
    const reasons = new Map(failed.map((id) => [id, failureOf(error)]))
    for (const one of each) if (one.outcome !== 'decided') reasons.set(one.unit_id, faultOf(one))
    // What is pending still comes back in its place.
    const pending = new Set([
      ...failed,
      ...each.filter(({ outcome }) => outcome === 'forbidden').map(({ unit_id }) => unit_id),
    ])
    queue.putBack(taken.filter(({ item }) => pending.has(item.knowledge_unit.id)))
    void queryClient.invalidateQueries({ queryKey: ['count'] })
    const faults: Fault[] = taken.flatMap((one) => {
      const unitId = one.item.knowledge_unit.id
      const reason = reasons.get(unitId)
      return reason === undefined ? [] : [{ unitId, summary: summaryOf(one), reason }]
    })
    const [fault] = faults
    if (!fault) return
    // Where nothing was decided there is nothing to undo: the decision before it is next.
    if (faults.length === taken.length) {
      undoable.current = undoable.current.filter((one) => one !== done)
      closeToast()
    }
    if (taken.length > 1) setOutcomes({ decision, decided: taken.length - faults.length, faults })
    else {
      if (pending.has(fault.unitId)) open(fault.unitId)
      showToast({ message: `Not ${decision}. ${fault.reason}`, tone: 'bad', seconds: 12 })
    }
  }

  const undo = async () => {
    undoable.current = undoable.current.filter(isUndoable)
    const last = undoable.current.pop()
    if (!last) {
      showToast({ message: 'There is nothing to undo any more.' })
      return
    }
    last.closeToast()
    const { outcomes: each } = await last.sent
    const ids = each.filter(({ outcome }) => outcome === 'decided').map(({ unit_id }) => unit_id)
    // What became of it has been shown when it settled.
    if (ids.length === 0) return
    const { outcomes: undone, error } = await sendDecision(ids, 'pending', last.decision)
    const back = new Set(
      undone.filter(({ outcome }) => outcome === 'decided').map(({ unit_id }) => unit_id),
    )
    for (const id of back) undoneAt.current.set(id, Date.now())
    const taken = last.taken.filter(({ item }) => back.has(item.knowledge_unit.id))
    queue.putBack(taken)
    void queryClient.invalidateQueries({ queryKey: ['count'] })
    if (taken[0]) open(idOf(taken[0].item))
    const left = ids.length - taken.length
    if (left === 0)
      showToast({ message: ids.length === 1 ? 'Undone.' : `${ids.length} decisions undone.` })
    else {
      const reason = error === undefined ? 'Somebody else has changed them.' : reasonOf(error)
      showToast({ message: `${left} not undone. ${reason}`, tone: 'bad', seconds: 12 })
    }
  }

  const select = (unitId: string, isRange: boolean) => {
    const next = new Set(selected)
    const [from, to] = [queue.indexOf(lastSelected.current), queue.indexOf(unitId)]
    if (isRange && from >= 0 && to >= 0)
      for (const item of queue.state.value.items.slice(Math.min(from, to), Math.max(from, to) + 1))
        next.add(item.knowledge_unit.id)
    else if (!next.delete(unitId)) next.add(unitId)
    lastSelected.current = unitId
    setSelected(next)
  }

  return {
    queue,
    state,
    current,
    currentId,
    index,
    selected,
    outcomes,
    open,
    move,
    decide,
    undo,
    select,
    extend(by: 1 | -1) {
      const left = latestId.current
      if (left === undefined) return
      const reached = move(by) ?? left
      lastSelected.current = reached
      setSelected((before) => new Set(before).add(left).add(reached))
    },
    selectLoaded: () =>
      setSelected(new Set(queue.state.value.items.map((item) => item.knowledge_unit.id))),
    clearSelection: () => setSelected(new Set()),
    closeOutcomes: () => setOutcomes(undefined),
    reload: () => setGeneration((count) => count + 1),
  }
}

export type Review = ReturnType<typeof useReview>

export function capital(status: UnitStatus): string {
  return `${status.charAt(0).toUpperCase()}${status.slice(1)}`
}

/** Why a decision failed, in words. */
function failureOf(error: unknown): string {
  const isLost = error instanceof ApiError && [0, 502, 504].includes(error.status)
  const hint = ' If it was stored all the same, the unit leaves the queue by itself.'
  return `${reasonOf(error)}${isLost ? hint : ''}`
}
