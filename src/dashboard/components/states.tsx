import type { ComponentChildren } from 'preact'
import { ApiError, reasonOf } from '../api/errors.ts'
import { Button } from './button.tsx'
import './states.css'

/** Grey lines where text will be. */
export function Skeleton({ lines = 3, label = 'Loading' }: { lines?: number; label?: string }) {
  return (
    <div class="skeleton" role="status">
      <span class="visually-hidden">{label}</span>
      {Array.from({ length: lines }, (_, line) => (
        <span key={line} class="skeleton__line" />
      ))}
    </div>
  )
}

interface StateProps {
  title: string
  children?: ComponentChildren
  action?: ComponentChildren
}

/** What shows where there is nothing to show. */
export function EmptyState({ title, children, action }: StateProps) {
  return (
    <div class="state">
      <p class="state__title">{title}</p>
      {children && <div class="state__text">{children}</div>}
      {action && <div class="state__action">{action}</div>}
    </div>
  )
}

/** What failed, why, and a button that tries again. */
export function ErrorState({
  what,
  error,
  onRetry,
}: {
  /** As in: "The queue could not be loaded". */
  what: string
  error: unknown
  onRetry?: (() => void) | undefined
}) {
  const isTemporary = error instanceof ApiError && error.isTemporary
  return (
    <div class="state state--error" role="alert">
      <p class="state__title">{what}</p>
      <p class="state__text" dir="auto">
        {reasonOf(error)}
        {isTemporary && ' It is tried again when the server is back.'}
      </p>
      {onRetry && (
        <div class="state__action">
          <Button onClick={onRetry}>Try again</Button>
        </div>
      )}
    </div>
  )
}
