import { QueryClientProvider } from '@tanstack/preact-query'
import { lazy, Suspense } from 'preact/compat'
import { Redirect, Route, Router, Switch, useSearch } from 'wouter-preact'
import { dashboardBase } from './api/address.ts'
import { useObserved } from './api/observable.ts'
import { queryClient } from './api/query-client.ts'
import { session } from './api/session.ts'
import { Layout } from './components/layout.tsx'
import { EmptyState, Skeleton } from './components/states.tsx'
import { ToastRegion } from './components/toast.tsx'
import { LoginPage } from './pages/login/login-page.tsx'
import { SessionExpiry } from './pages/login/session-expiry.tsx'
import { ReviewPage } from './pages/review/review-page.tsx'

const LibraryPage = lazy(() => import('./pages/library/library-page.tsx'))
const UnitPage = lazy(() => import('./pages/library/unit-page.tsx'))
const InsightPage = lazy(() => import('./pages/insight/insight-page.tsx'))
const AccountPage = lazy(() => import('./pages/account/account-page.tsx'))
const ConnectPage = lazy(() => import('./pages/account/connect-page.tsx'))

export function App() {
  return (
    <QueryClientProvider client={queryClient}>
      <Router base={dashboardBase}>
        <Pages />
        <ToastRegion />
        <SessionExpiry />
      </Router>
    </QueryClientProvider>
  )
}

function Pages() {
  // Whatever the address, it is where one is after logging in.
  if (useObserved(session) === null) return <LoginPage />
  return (
    <Layout>
      <Suspense fallback={<Skeleton lines={8} />}>
        <Switch>
          <Route path="/">
            <ToReview />
          </Route>
          <Route path="/review">
            <ReviewPage />
          </Route>
          <Route path="/library">
            <LibraryPage />
          </Route>
          <Route path="/library/:unitId">{({ unitId }) => <UnitPage unitId={unitId} />}</Route>
          <Route path="/insight">
            <InsightPage />
          </Route>
          <Route path="/account">
            <AccountPage />
          </Route>
          <Route path="/connect">
            <ConnectPage />
          </Route>
          <Route>
            <div class="page">
              <h1 class="visually-hidden">There is no such page</h1>
              <EmptyState title="There is nothing here">
                The address may be mistyped; the pages are in the menu above.
              </EmptyState>
            </div>
          </Route>
        </Switch>
      </Suspense>
    </Layout>
  )
}

function ToReview() {
  const search = useSearch()
  return <Redirect to={search ? `/review?${search}` : '/review'} replace />
}
