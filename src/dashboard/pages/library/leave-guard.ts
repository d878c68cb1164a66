import { useEffect } from 'preact/hooks'

const question = 'What you have typed is not saved. Leave it?'

/** Asks before going back, if something is unsaved. */
let askBefore: ((event: PopStateEvent) => void) | undefined

// Browsers call a window's listeners in the order of their registration, even those that capture: main.tsx loads
// this before the router listens, as otherwise the page has gone by when it is asked.
addEventListener('popstate', (event) => askBefore?.(event))

/**
 * Asks before the page is left while `isUnsaved`: by closing it, by a link, or by going back. Links are caught as
 * clicks, before the router sees them.
 */
export function useLeaveGuard(isUnsaved: boolean): void {
  useEffect(() => {
    if (!isUnsaved) return
    const here = location.href
    const state = history.state
    const beforeUnload = (event: BeforeUnloadEvent) => event.preventDefault()
    const click = (event: MouseEvent) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey || event.button !== 0)
        return
      const link = event.target instanceof Element && event.target.closest('a[href]')
      if (!(link instanceof HTMLAnchorElement) || link.classList.contains('skip-link')) return
      if (link.target === '_blank' || confirm(question)) return
      event.preventDefault()
      event.stopImmediatePropagation()
    }
    const back = (event: PopStateEvent) => {
      if (location.href === here || confirm(question)) return
      event.stopImmediatePropagation()
      history.pushState(state, '', here)
    }
    addEventListener('beforeunload', beforeUnload)
    document.addEventListener('click', click, true)
    askBefore = back
    return () => {
      removeEventListener('beforeunload', beforeUnload)
      document.removeEventListener('click', click, true)
      askBefore = undefined
    }
  }, [isUnsaved])
}
