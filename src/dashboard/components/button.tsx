import type { ButtonHTMLAttributes, ComponentChildren, Ref } from 'preact'
import './button.css'

interface ButtonProps extends Omit<ButtonHTMLAttributes, 'ref'> {
  children: ComponentChildren
  kind?: 'plain' | 'primary' | 'good' | 'bad' | 'ghost' | undefined
  /** The key that does the same, shown on wide screens. */
  shortcut?: string | undefined
  /** Shows that its work is under way; it cannot be pressed then. */
  busy?: boolean | undefined
  buttonRef?: Ref<HTMLButtonElement> | undefined
}

export function Button({
  children,
  kind = 'plain',
  shortcut,
  busy = false,
  buttonRef,
  type = 'button',
  class: extra,
  disabled,
  ...rest
}: ButtonProps) {
  return (
    <button
      {...rest}
      ref={buttonRef ?? null}
      type={type}
      class={`button button--${kind} ${extra ?? ''}`}
      disabled={disabled || busy}
      aria-busy={busy || undefined}
      aria-keyshortcuts={shortcut}
    >
      <span class="button__label">{children}</span>
      {shortcut && <span class="button__key">{shortcut.toUpperCase()}</span>}
    </button>
  )
}
