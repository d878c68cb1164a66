import { EmptyState } from '../../components/states.tsx'

export default function InsightPage() {
  return (
    <div class="page">
      <header class="page__header">
        <h1>Insight</h1>
      </header>
      <EmptyState title="Nothing here yet" />
    </div>
  )
}
