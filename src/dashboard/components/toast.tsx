import { useEffect, useState } from 'preact/hooks'
import { Observable, useObserved } from '../api/observable.ts'
import { Button } from './button.tsx'
import './toast.css'

interface ToastContent {
  message: string
  tone?: 'neutral' | 'bad'
  /** Until when it shows, if not closed before. @default 6 */
  seconds?: number
  /** What the seconds begin after, whatever comes of it. @default at once */
  after?: Promise<unknown>
  /** A button; with one, the seconds that are left are shown. */
  action?: { label: string; shortcut?: string; run: () => void }
  /** A toast with the same key takes the place of the one before. */
  key?: string
}

interface ShownToast extends ToastContent {
  readonly id: number
  readonly until: number
}

const toasts = new Observable<readonly ShownToast[]>([])
const announcement = new Observable<{ text: string } | null>(null)
let lastId = 0

/** Has screen readers say `text`. */
export function announce(text: string): void {
  announcement.set({ text })
}

/** Shows a passing message, and has screen readers say it. Returns what closes it. */
export function showToast(content: ToastContent): () => void {
  const id = ++lastId
  const endsAt = () => Date.now() + (content.seconds ?? 6) * 1_000
  const shown = { ...content, id, until: content.after ? Number.POSITIVE_INFINITY : endsAt() }
  const others = toasts.value.filter(({ key }) => key === undefined || key !== content.key)
  toasts.set([...others, shown].slice(-4))
  const begin = () =>
    toasts.set(toasts.value.map((one) => (one.id === id ? { ...one, until: endsAt() } : one)))
  void content.after?.then(begin, begin)
  announce(
    content.action ? `${content.message} ${content.action.label} is possible.` : content.message,
  )
  return () => closeToast(id)
}

function closeToast(id: number): void {
  if (!toasts.value.some((toast) => toast.id === id)) return
  toasts.set(toasts.value.filter((toast) => toast.id !== id))
}

/** Where toasts show and announcements are made; once in a page. */
export function ToastRegion() {
  const shown = useObserved(toasts)
  return (
    <>
      <Announcer />
      <section class="toasts" aria-label="Messages">
        {shown.map((toast) => (
          <Toast key={toast.id} toast={toast} />
        ))}
      </section>
    </>
  )
}

function Announcer() {
  const said = useObserved(announcement)
  const [text, setText] = useState('')
  useEffect(() => {
    // Emptied first, so that the same words are said again.
    setText('')
    const timer = setTimeout(() => setText(said?.text ?? ''), 60)
    return () => clearTimeout(timer)
  }, [said])
  return (
    <div class="visually-hidden" role="status" aria-live="polite">
      {text}
    </div>
  )
}

function Toast({ toast }: { toast: ShownToast }) {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    const timer = setInterval(() => {
      if (Date.now() >= toast.until) closeToast(toast.id)
      else setNow(Date.now())
    }, 250)
    return () => clearInterval(timer)
  }, [toast])
  const { action } = toast
  return (
    <div class={`toast toast--${toast.tone ?? 'neutral'}`}>
      <p class="toast__message" dir="auto">
        {toast.message}
      </p>
      {action && (
        <>
          {Number.isFinite(toast.until) && (
            <span class="toast__left" aria-hidden="true">
              {Math.max(1, Math.ceil((toast.until - now) / 1_000))} s
            </span>
          )}
          <Button
            shortcut={action.shortcut}
            onClick={() => {
              closeToast(toast.id)
              action.run()
            }}
          >
            {action.label}
          </Button>
        </>
      )}
      <button
        type="button"
        class="toast__close"
        aria-label="Close message"
        onClick={() => closeToast(toast.id)}
      >
        <svg viewBox="0 0 16 16" aria-hidden="true">
          <path d="M4 4l8 8M12 4l-8 8" />
        </svg>
      </button>
    </div>
  )
}
