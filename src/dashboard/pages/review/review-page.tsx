import { EmptyState } from '../../components/states.tsx'

export function ReviewPage() {
  return (
    <div class="page">
      <header class="page__header">
        <h1>Review</h1>
      </header>
      <EmptyState title="Nothing here yet" />
    </div>
  )
}
