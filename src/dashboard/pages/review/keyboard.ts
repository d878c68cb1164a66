import { useEffect, useRef } from 'preact/hooks'

/** Whether a key goes to a field, or to a dialog that is open, and not to the page. */
function isElsewhere(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return true
  if (document.querySelector('dialog[open]')) return true
  const target = event.target as HTMLElement | null
  return target?.closest('input:not([type=checkbox]), textarea, select, [contenteditable]') != null
}

/** Keys that go on while they are held. Others act once: nobody has seen what a held key would decide. */
const repeating = new Set(['j', 'k', 'J', 'K'])

/** Calls what belongs to a key, by `KeyboardEvent.key`, while the component is there. */
export function useKeys(actions: Readonly<Record<string, (() => void) | undefined>>): void {
  const latest = useRef(actions)
  latest.current = actions
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const action = Object.hasOwn(latest.current, event.key)
        ? latest.current[event.key]
        : undefined
      if (!action || isElsewhere(event)) return
      event.preventDefault()
      if (!event.repeat || repeating.has(event.key)) action()
    }
    document.addEventListener('keydown', press)
    return () => document.removeEventListener('keydown', press)
  }, [])
}
