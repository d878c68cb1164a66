import { EmptyState } from '../../components/states.tsx'

export default function ConnectPage() {
  return (
    <div class="page">
      <header class="page__header">
        <h1>Connect an agent</h1>
      </header>
      <EmptyState title="Nothing here yet" />
    </div>
  )
}
