import { useId, useState } from 'preact/hooks'
import { reasonOf } from '../../api/errors.ts'
import type { KnowledgeUnit } from '../../api/units.ts'
import { Button } from '../../components/button.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { TextField } from '../../components/field.tsx'

/** `ku_` and so many digits have to be typed. */
const typedLength = 7

interface RemovalDialogProps {
  unit: KnowledgeUnit
  isOpen: boolean
  onClose: () => void
  onRemove: () => Promise<void>
}

/** Asks twice before a unit is removed for good. */
export function RemovalDialog({ unit, isOpen, onClose, onRemove }: RemovalDialogProps) {
  const [typed, setTyped] = useState('')
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<string>()
  const formId = useId()
  const wanted = unit.id.slice(0, typedLength)
  const isConfirmed = typed.trim().toLowerCase() === wanted
  const close = () => {
    if (isBusy) return
    setTyped('')
    setError(undefined)
    onClose()
  }
  return (
    <Dialog
      isOpen={isOpen}
      title="Remove this unit for good?"
      onDismiss={close}
      actions={
        <>
          <Button onClick={close} disabled={isBusy}>
            Cancel
          </Button>
          <Button type="submit" form={formId} kind="bad" busy={isBusy} disabled={!isConfirmed}>
            Remove for good
          </Button>
        </>
      }
    >
      <p class="removal__summary" dir="auto">
        {unit.insight.summary}
      </p>
      <p>
        It can't be undone. Agents no longer find the unit, and its history goes, too. Backups that
        were made before keep it. To only take it out of answers, reject it.
      </p>
      <form
        id={formId}
        onSubmit={async (event) => {
          event.preventDefault()
          if (!isConfirmed || isBusy) return
          setBusy(true)
          setError(undefined)
          try {
            await onRemove()
          } catch (failure) {
            setError(`It was not removed. ${reasonOf(failure)}`)
          } finally {
            setBusy(false)
          }
        }}
      >
        <TextField
          label={`Type ${wanted} to confirm`}
          autoComplete="off"
          autoCapitalize="off"
          spellcheck={false}
          value={typed}
          error={error}
          onInput={(event) => setTyped(event.currentTarget.value)}
        />
      </form>
    </Dialog>
  )
}
