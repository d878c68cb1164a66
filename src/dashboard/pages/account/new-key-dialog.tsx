import { useQueryClient } from '@tanstack/preact-query'
import { useId, useState } from 'preact/hooks'
import { reasonOf } from '../../api/errors.ts'
import { Button } from '../../components/button.tsx'
import { CopyButton } from '../../components/copy-button.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { SelectField, TextField } from '../../components/field.tsx'
import { createKey, keysQuery, type NewApiKey } from './key-queries.ts'

const lifetimes = [
  ['7d', 'A week'],
  ['30d', '30 days'],
  ['90d', '90 days'],
  ['180d', '180 days'],
  ['365d', 'A year'],
] as const

interface NewKeyDialogProps {
  isOpen: boolean
  onClose: () => void
  /** Gets the key whose token has been shown. */
  onCreated?: (key: NewApiKey) => void
}

/** Creates a key and shows its token, once: it closes by its buttons only. */
export function NewKeyDialog({ isOpen, onClose, onCreated }: NewKeyDialogProps) {
  const queryClient = useQueryClient()
  const [name, setName] = useState('')
  const [ttl, setTtl] = useState('90d')
  const [labels, setLabels] = useState('')
  const [created, setCreated] = useState<NewApiKey>()
  const [error, setError] = useState<string>()
  const [isBusy, setBusy] = useState(false)
  const formId = useId()
  const labelList = labels
    .split(',')
    .map((label) => label.trim())
    .filter(Boolean)
  const nameLength = [...name.trim()].length

  const close = () => {
    setName('')
    setLabels('')
    setCreated(undefined)
    setError(undefined)
    onClose()
  }
  const create = async () => {
    if (nameLength === 0) return setError('A name is needed.')
    if (nameLength > 64) return setError('A name has at most 64 characters.')
    if (labelList.length > 16) return setError('At most 16 labels.')
    setBusy(true)
    setError(undefined)
    try {
      const key = await createKey(name.trim(), ttl, labelList)
      setCreated(key)
      onCreated?.(key)
      void queryClient.invalidateQueries({ queryKey: keysQuery.queryKey })
    } catch (failure) {
      setError(reasonOf(failure))
    } finally {
      setBusy(false)
    }
  }

  if (created)
    return (
      <Dialog
        isOpen={isOpen}
        isWide
        title="Copy the key now"
        actions={
          <Button kind="primary" onClick={close}>
            I have kept it
          </Button>
        }
      >
        <p class="key-warning">
          This is the only time that the key is shown. Whoever has it can act as you.
        </p>
        <pre class="copyable" dir="ltr">
          {created.token}
        </pre>
        <p>
          <CopyButton text={created.token} label="Copy the key" kind="primary" />
        </p>
      </Dialog>
    )
  return (
    <Dialog
      isOpen={isOpen}
      title="New API key"
      onDismiss={name === '' && labels === '' ? close : undefined}
      actions={
        <>
          <Button onClick={close} disabled={isBusy}>
            Cancel
          </Button>
          <Button type="submit" form={formId} kind="primary" busy={isBusy}>
            Create
          </Button>
        </>
      }
    >
      <form
        id={formId}
        class="key-form"
        onSubmit={(event) => {
          event.preventDefault()
          if (!isBusy) void create()
        }}
      >
        <TextField
          label="Name"
          hint="Where it is used: laptop, build server."
          dir="auto"
          autoComplete="off"
          value={name}
          error={error}
          onInput={(event) => setName(event.currentTarget.value)}
        />
        <SelectField
          label="Expires after"
          value={ttl}
          onChange={(event) => setTtl(event.currentTarget.value)}
        >
          {lifetimes.map(([value, words]) => (
            <option key={value} value={value}>
              {words}
            </option>
          ))}
        </SelectField>
        <TextField
          label="Labels"
          hint="If you like; separated by commas."
          dir="auto"
          autoComplete="off"
          value={labels}
          onInput={(event) => setLabels(event.currentTarget.value)}
        />
      </form>
    </Dialog>
  )
}
