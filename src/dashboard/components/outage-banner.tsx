import { useEffect, useState } from 'preact/hooks'
import { useObserved } from '../api/observable.ts'
import { askServer, outage } from '../api/reachability.ts'
import { Button } from './button.tsx'

/** Shows while the server does not answer, and when it is asked next. */
export function OutageBanner() {
  const away = useObserved(outage)
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    if (away === null) return
    setNow(Date.now())
    const timer = setInterval(() => setNow(Date.now()), 1_000)
    return () => clearInterval(timer)
  }, [away])
  const seconds = away === null ? 0 : Math.ceil((away.nextTry - now) / 1_000)
  return (
    <div role="status">
      {away !== null && (
        <div class="outage-banner">
          <span>
            The server cannot be reached.{' '}
            <span aria-hidden="true">
              {seconds > 0 ? `Next attempt in ${seconds} s.` : 'Trying again…'}
            </span>
          </span>
          <Button kind="ghost" onClick={() => void askServer()}>
            Try now
          </Button>
        </div>
      )}
    </div>
  )
}
