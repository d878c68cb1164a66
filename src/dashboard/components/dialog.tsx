import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'
import './dialog.css'

interface DialogProps {
  isOpen: boolean
  title: string
  children: ComponentChildren
  /** The buttons at the end. */
  actions?: ComponentChildren
  /** Escape, the backdrop. Without it, the dialog cannot be dismissed. */
  onDismiss?: (() => void) | undefined
  isWide?: boolean
}

/** A modal dialog. The browser keeps the focus inside, and gives it back after. */
export function Dialog({ isOpen, title, children, actions, onDismiss, isWide }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  const titleId = useId()

  useEffect(() => {
    const element = dialog.current
    if (element === null || element.open === isOpen) return
    if (isOpen) element.showModal()
    else element.close()
  }, [isOpen])

  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape does what a click on the backdrop does.
    <dialog
      ref={dialog}
      class={`dialog ${isWide ? 'dialog--wide' : ''}`}
      aria-labelledby={titleId}
      onCancel={(event) => {
        // Whether it is open is the page's to say.
        event.preventDefault()
        onDismiss?.()
      }}
      onClose={() => {
        // Browsers close it at a second Escape whatever the page says.
        if (!isOpen) return
        if (onDismiss) onDismiss()
        else dialog.current?.showModal()
      }}
      onClick={(event) => {
        if (event.target === dialog.current) onDismiss?.()
      }}
    >
      {isOpen && (
        <div class="dialog__box">
          <h2 class="dialog__title" id={titleId}>
            {title}
          </h2>
          <div class="dialog__content">{children}</div>
          {actions && <div class="dialog__actions">{actions}</div>}
        </div>
      )}
    </dialog>
  )
}
