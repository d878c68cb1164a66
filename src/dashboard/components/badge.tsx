import type { ComponentChildren } from 'preact'
import type { KnowledgeUnit, UnitStatus } from '../api/units.ts'
import './badge.css'

type Tone = 'neutral' | 'accent' | 'good' | 'bad' | 'warn'

export function Badge({
  tone = 'neutral',
  children,
}: {
  tone?: Tone
  children: ComponentChildren
}) {
  return (
    <span class={`badge badge--${tone}`} dir="auto">
      {children}
    </span>
  )
}

const statusTones = { pending: 'warn', approved: 'good', rejected: 'bad' } as const

export function StatusBadge({ status }: { status: UnitStatus }) {
  return <Badge tone={statusTones[status]}>{status}</Badge>
}

export function TierBadge({ tier }: { tier: KnowledgeUnit['tier'] }) {
  return <Badge tone={tier === 'public' ? 'accent' : 'neutral'}>{tier}</Badge>
}

/** The domains of a unit. */
export function DomainList({ domains }: { domains: readonly string[] }) {
  return (
    <ul class="domain-list" aria-label="Domains">
      {domains.map((domain) => (
        <li key={domain}>
          <Badge>{domain}</Badge>
        </li>
      ))}
    </ul>
  )
}
