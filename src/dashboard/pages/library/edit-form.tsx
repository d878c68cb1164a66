import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { ApiError, reasonOf } from '../../api/errors.ts'
import type { ReviewItem } from '../../api/units.ts'
import { Button } from '../../components/button.tsx'
import { TextAreaField, TextField } from '../../components/field.tsx'
import { UnitText } from '../../components/unit-text.tsx'
import { useLeaveGuard } from './leave-guard.ts'
import { useUnitChanges } from './unit-changes.ts'
import { type Draft, draftOf, faultsOf, isSameDraft, lengthOf, limits } from './unit-limits.ts'

const names = { domains: 'Domains', summary: 'Summary', action: 'What to do', detail: 'Why' }
const fields = ['domains', 'summary', 'action', 'detail'] as const

/** Changes the domains and the text of a unit. */
export function EditForm({ item, onClose }: { item: ReviewItem; onClose: () => void }) {
  const { edit, latest } = useUnitChanges(item.knowledge_unit.id)
  // What the draft was made of: it must not follow what others save meanwhile.
  const [seen, setSeen] = useState(item)
  const [draft, setDraft] = useState(() => draftOf(item.knowledge_unit))
  const [isSaving, setSaving] = useState(false)
  const [error, setError] = useState<string>()
  const [newer, setNewer] = useState<ReviewItem>()
  const form = useRef<HTMLFormElement>(null)
  const isChanged = !isSameDraft(draft, draftOf(seen.knowledge_unit))
  const faults = faultsOf(draft)
  useLeaveGuard(isChanged)
  // Before anybody can type: later, it would take the focus from where one types.
  useLayoutEffect(() => form.current?.querySelector<HTMLElement>('input, textarea')?.focus(), [])

  const save = async () => {
    if (Object.keys(faults).length > 0) {
      requestAnimationFrame(() =>
        form.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus(),
      )
      return
    }
    setSaving(true)
    setError(undefined)
    try {
      await edit(seen, draft)
      onClose()
    } catch (failure) {
      if (failure instanceof ApiError && failure.status === 409) {
        const now = await latest().catch(() => undefined)
        if (now) setNewer(now)
        else setError('The unit was changed meanwhile, and its newer version could not be loaded.')
      } else setError(reasonOf(failure))
    } finally {
      setSaving(false)
    }
  }
  const set = (name: keyof Draft) => (event: { currentTarget: { value: string } }) =>
    setDraft({ ...draft, [name]: event.currentTarget.value })

  return (
    <form
      ref={form}
      class="edit-form"
      aria-label="Edit the unit"
      onSubmit={(event) => {
        event.preventDefault()
        void save()
      }}
      onKeyDown={(event) => {
        if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) void save()
      }}
    >
      {newer && (
        <Conflict
          draft={draft}
          newer={newer}
          onRebase={() => {
            setSeen(newer)
            setNewer(undefined)
          }}
          onTake={() => {
            setSeen(newer)
            setDraft(draftOf(newer.knowledge_unit))
            setNewer(undefined)
          }}
        />
      )}
      <TextField
        label={names.domains}
        dir="auto"
        hint="Separated by commas; kept in lower case."
        value={draft.domains}
        error={faults.domains}
        onInput={set('domains')}
      />
      {(['summary', 'action', 'detail'] as const).map((name) => (
        <TextAreaField
          key={name}
          label={names[name]}
          value={draft[name]}
          rows={{ summary: 2, action: 5, detail: 14 }[name]}
          error={faults[name]}
          hint={`${lengthOf(draft[name]).toLocaleString('en-GB')} of ${limits[name].toLocaleString('en-GB')} characters`}
          onInput={set(name)}
        />
      ))}
      {error && (
        <p class="edit-form__error" role="alert" dir="auto">
          {error} What you have typed is kept.
        </p>
      )}
      <div class="edit-form__actions">
        <Button type="submit" kind="primary" busy={isSaving} disabled={!isChanged || !!newer}>
          Save
        </Button>
        <Button
          onClick={() => {
            if (!isChanged || confirm('Discard what you have typed?')) onClose()
          }}
        >
          Cancel
        </Button>
      </div>
    </form>
  )
}

interface ConflictProps {
  draft: Draft
  newer: ReviewItem
  onRebase: () => void
  onTake: () => void
}

/** What somebody else has saved, beside what was typed. */
function Conflict({ draft, newer, onRebase, onTake }: ConflictProps) {
  const theirs = draftOf(newer.knowledge_unit)
  const different = fields.filter((name) => theirs[name] !== draft[name])
  const title = useRef<HTMLHeadingElement>(null)
  // The button that saves is far below.
  useEffect(() => {
    title.current?.focus({ preventScroll: true })
    title.current?.scrollIntoView({ block: 'start' })
  }, [])
  return (
    <section class="conflict" role="alert">
      <h2 class="conflict__title" tabIndex={-1} ref={title}>
        This unit was changed while you were typing
      </h2>
      <p>Nothing of yours is lost. Compare, and change your text below if need be.</p>
      {different.length === 0 && <p>The newer version says the same as yours.</p>}
      {different.map((name) => (
        <div key={name} class="conflict__pair">
          <div>
            <h3 class="unit-detail__heading">{names[name]}: saved meanwhile</h3>
            <UnitText text={theirs[name]} />
          </div>
          <div>
            <h3 class="unit-detail__heading">{names[name]}: yours</h3>
            <UnitText text={draft[name]} />
          </div>
        </div>
      ))}
      <div class="edit-form__actions">
        <Button kind="primary" onClick={onRebase}>
          Keep mine, and go on editing
        </Button>
        <Button onClick={onTake}>Take the newer version</Button>
      </div>
    </section>
  )
}
