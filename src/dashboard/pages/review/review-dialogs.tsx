import { Button } from '../../components/button.tsx'
import { Dialog } from '../../components/dialog.tsx'
import type { Decision } from './decisions.ts'

const shortcuts = [
  ['j', 'Next unit'],
  ['k', 'Previous unit'],
  ['a', 'Approve'],
  ['r', 'Reject'],
  ['u', 'Undo the last decision, within ten seconds'],
  ['x', 'Select the unit, or not'],
  ['Shift + j, Shift + k', 'Extend the selection'],
  ['Esc', 'Clear the selection'],
  ['/', 'Search'],
  ['?', 'Show this help'],
] as const

export function HelpDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }) {
  return (
    <Dialog
      isOpen={isOpen}
      title="Keyboard"
      onDismiss={onClose}
      actions={
        <Button kind="primary" onClick={onClose}>
          Close
        </Button>
      }
    >
      <dl class="shortcuts">
        {shortcuts.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
      <p class="quiet">With units selected, a and r decide all of them, after one question.</p>
    </Dialog>
  )
}

interface BulkDialogProps {
  /** What is to be done to how many, or nothing. */
  asked: { readonly decision: Decision; readonly count: number } | undefined
  onConfirm: () => void
  onClose: () => void
}

export function BulkDialog({ asked, onConfirm, onClose }: BulkDialogProps) {
  const isApproval = asked?.decision === 'approved'
  const verb = isApproval ? 'Approve' : 'Reject'
  const units = asked?.count === 1 ? 'one unit' : `${asked?.count} units`
  return (
    <Dialog
      isOpen={asked !== undefined}
      title={`${verb} ${units}?`}
      onDismiss={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind={isApproval ? 'good' : 'bad'} onClick={onConfirm}>
            {verb} {units}
          </Button>
        </>
      }
    >
      <p>
        {isApproval
          ? 'Agents will find them at once.'
          : 'Agents will not find them; they stay in the library.'}{' '}
        It can be undone for ten seconds.
      </p>
    </Dialog>
  )
}

export interface Fault {
  readonly unitId: string
  readonly summary: string
  readonly reason: string
}

/** What became of a bulk decision, where not all went well. */
export interface Outcomes {
  readonly decision: Decision
  readonly decided: number
  readonly faults: readonly Fault[]
}

export function OutcomesDialog({
  outcomes,
  onClose,
}: {
  outcomes: Outcomes | undefined
  onClose: () => void
}) {
  return (
    <Dialog
      isOpen={outcomes !== undefined}
      isWide
      title={`${outcomes?.decided} ${outcomes?.decision}, ${outcomes?.faults.length} not`}
      onDismiss={onClose}
      actions={
        <Button kind="primary" onClick={onClose}>
          Close
        </Button>
      }
    >
      <ul class="outcomes">
        {outcomes?.faults.map(({ unitId, summary, reason }) => (
          <li key={unitId}>
            <span dir="auto">{summary}</span> <strong>{reason}</strong>
          </li>
        ))}
      </ul>
    </Dialog>
  )
}
