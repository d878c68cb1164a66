import type { ComponentChildren, Ref } from 'preact'
import { Link } from 'wouter-preact'
import type { KnowledgeUnit, ReviewItem } from '../api/units.ts'
import { DomainList, StatusBadge, TierBadge } from './badge.tsx'
import { TimeAgo } from './time-ago.tsx'
import { UnitText } from './unit-text.tsx'
import './unit-detail.css'

interface UnitDetailProps {
  item: ReviewItem
  /** Gets the focus when a unit is opened. */
  headingRef?: Ref<HTMLHeadingElement>
  /** On a page of its own, the summary is the page's title. */
  isPage?: boolean
  children?: ComponentChildren
}

/** Everything that a unit has. `children` follow it. */
export function UnitDetail({ item, headingRef, isPage = false, children }: UnitDetailProps) {
  const unit = item.knowledge_unit
  const Title = isPage ? 'h1' : 'h2'
  const Heading = isPage ? 'h2' : 'h3'
  return (
    <article class="unit-detail" aria-label="Unit">
      <header class="unit-detail__header">
        <div class="unit-detail__badges">
          <StatusBadge status={item.status} />
          <TierBadge tier={unit.tier} />
          <DomainList domains={unit.domains} />
        </div>
        <Title class="unit-detail__summary" dir="auto" tabIndex={-1} ref={headingRef ?? null}>
          {unit.insight.summary}
        </Title>
        <p class="unit-detail__byline quiet">
          <span>
            Proposed by <bdi>{unit.created_by ?? 'someone unknown'}</bdi>{' '}
            <TimeAgo at={unit.evidence.first_observed} />
          </span>
          {item.reviewed_by !== null && item.status !== 'pending' && (
            <span>
              {item.status === 'approved' ? 'Approved' : 'Rejected'} by{' '}
              <bdi>{item.reviewed_by}</bdi> {item.reviewed_at && <TimeAgo at={item.reviewed_at} />}
            </span>
          )}
        </p>
      </header>

      {unit.superseded_by && (
        <p class="unit-detail__notice">
          Replaced by <UnitLink unitId={unit.superseded_by} />
        </p>
      )}
      {unit.flags.length > 0 && <Flags flags={unit.flags} Heading={Heading} />}

      <section>
        <Heading class="unit-detail__heading">What to do</Heading>
        <UnitText text={unit.insight.action} />
      </section>
      <section>
        <Heading class="unit-detail__heading">Why</Heading>
        <UnitText text={unit.insight.detail} />
      </section>
      <section>
        <Heading class="unit-detail__heading">Facts</Heading>
        <Facts unit={unit} />
      </section>
      {children}
    </article>
  )
}

function Flags({ flags, Heading }: { flags: KnowledgeUnit['flags']; Heading: 'h2' | 'h3' }) {
  return (
    <section class="unit-detail__flags">
      <Heading class="unit-detail__heading">
        {flags.length === 1 ? 'One flag' : `${flags.length} flags`}
      </Heading>
      <ul>
        {flags.map((flag) => (
          <li>
            <strong>{flag.reason}</strong>
            {flag.duplicate_of && (
              <>
                {' of '}
                <UnitLink unitId={flag.duplicate_of} />
              </>
            )}{' '}
            <span class="quiet">
              <TimeAgo at={flag.timestamp} />
            </span>
            {flag.detail && <UnitText text={flag.detail} />}
          </li>
        ))}
      </ul>
    </section>
  )
}

function Facts({ unit }: { unit: KnowledgeUnit }) {
  const { evidence, context, extensions } = unit
  return (
    <dl class="facts">
      <Fact name="Confidence">
        <meter min={0} max={1} value={evidence.confidence} aria-hidden="true" />{' '}
        {Math.round(evidence.confidence * 100)}%
      </Fact>
      <Fact name="Confirmations">{evidence.confirmations.toLocaleString('en-GB')}</Fact>
      <Fact name="First observed">
        <TimeAgo at={evidence.first_observed} />
      </Fact>
      <Fact name="Last confirmed">
        <TimeAgo at={evidence.last_confirmed} />
      </Fact>
      <Fact name="Languages">{listed(context.languages)}</Fact>
      <Fact name="Frameworks">{listed(context.frameworks)}</Fact>
      <Fact name="Pattern">{context.pattern || <None />}</Fact>
      <Fact name="Version">{unit.version}</Fact>
      <Fact name="Id" isWide>
        <code>{unit.id}</code>
      </Fact>
      {extensions !== null &&
        Object.entries(extensions).map(([key, value]) => (
          <Fact key={key} name={key} isWide>
            <pre class="facts__value">{JSON.stringify(value, null, 2)}</pre>
          </Fact>
        ))}
    </dl>
  )
}

function Fact({
  name,
  isWide = false,
  children,
}: {
  name: string
  isWide?: boolean
  children: ComponentChildren
}) {
  return (
    <div class={isWide ? 'facts__wide' : undefined}>
      <dt dir="auto">{name}</dt>
      <dd dir="auto">{children}</dd>
    </div>
  )
}

function listed(words: readonly string[]): ComponentChildren {
  return words.length > 0 ? words.join(', ') : <None />
}

function None() {
  return <span class="quiet">none</span>
}

/** The page of a unit, if the text is a unit's id. */
function UnitLink({ unitId }: { unitId: string }) {
  if (!/^ku_[0-9a-f]{32}$/.test(unitId)) return <bdi>{unitId}</bdi>
  return (
    <Link href={`/library/${unitId}`}>
      <code>{unitId}</code>
    </Link>
  )
}
