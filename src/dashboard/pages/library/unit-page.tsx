import { EmptyState } from '../../components/states.tsx'

export default function UnitPage(_: { unitId: string }) {
  return (
    <div class="page">
      <header class="page__header">
        <h1>Unit</h1>
      </header>
      <EmptyState title="Nothing here yet" />
    </div>
  )
}
