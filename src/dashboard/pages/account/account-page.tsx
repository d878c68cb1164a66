import { EmptyState } from '../../components/states.tsx'

export default function AccountPage() {
  return (
    <div class="page">
      <header class="page__header">
        <h1>Account</h1>
      </header>
      <EmptyState title="Nothing here yet" />
    </div>
  )
}
