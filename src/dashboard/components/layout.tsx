import { useQuery } from '@tanstack/preact-query'
import type { ComponentChildren } from 'preact'
import { Link, useLocation } from 'wouter-preact'
import { logOut } from '../api/log-out.ts'
import { useObserved } from '../api/observable.ts'
import { session } from '../api/session.ts'
import { userQuery } from '../api/units.ts'
import { Button } from './button.tsx'
import { OutageBanner } from './outage-banner.tsx'
import './layout.css'

const places = [
  ['/review', 'Review'],
  ['/library', 'Library'],
  ['/insight', 'Insight'],
  ['/account', 'Account'],
] as const

/** The header with the menu, and the page under it. */
export function Layout({ children }: { children: ComponentChildren }) {
  const [location] = useLocation()
  const username = useObserved(session)?.username
  const user = useQuery(userQuery)
  return (
    <div class="layout">
      <button
        type="button"
        class="skip-link"
        onClick={() => document.getElementById('main')?.focus()}
      >
        Skip to the content
      </button>
      <header class="layout__header">
        <span class="layout__brand" aria-hidden="true">
          cq
        </span>
        <nav class="layout__nav" aria-label="Main">
          {places.map(([path, name]) => {
            const isHere = location === path || location.startsWith(`${path}/`)
            return (
              <Link
                key={path}
                href={path}
                class={`layout__place ${isHere ? 'layout__place--here' : ''}`}
                aria-current={isHere ? 'page' : undefined}
              >
                {name}
              </Link>
            )
          })}
        </nav>
        <span class="layout__user quiet">
          <bdi>{username}</bdi>
          {user.data?.role && ` · ${user.data.role}`}
        </span>
        <Button kind="ghost" class="layout__log-out" onClick={logOut}>
          Log out
        </Button>
      </header>
      <OutageBanner />
      <main class="layout__main" id="main" tabIndex={-1}>
        {children}
      </main>
    </div>
  )
}
