import { useQuery } from '@tanstack/preact-query'
import { Link } from 'wouter-preact'
import { type KnowledgeUnit, resemblingUnitsQuery, similarUnitsQuery } from '../api/units.ts'
import { ErrorState, Skeleton } from './states.tsx'
import './similar-units.css'

/** Approved units on the same domains: is this one news, or does it contradict one? */
export function SimilarUnits({ unit, level = 3 }: { unit: KnowledgeUnit; level?: 2 | 3 }) {
  const similar = useQuery(similarUnitsQuery(unit.domains))
  const others = similar.data?.filter(({ id }) => id !== unit.id).slice(0, 5)
  const Heading = level === 2 ? 'h2' : 'h3'
  return (
    <section class="similar-units">
      <Heading class="unit-detail__heading">Approved on the same domains</Heading>
      {similar.isPending && <Skeleton lines={2} label="Loading similar units" />}
      {similar.isError && others === undefined && (
        <ErrorState
          what="Similar units could not be loaded"
          error={similar.error}
          onRetry={() => void similar.refetch()}
        />
      )}
      {others?.length === 0 && <p class="quiet">None so far.</p>}
      {others !== undefined && others.length > 0 && (
        <ul class="similar-units__list">
          {others.map((other) => (
            <li key={other.id}>
              <Link href={`/library/${other.id}`} class="similar-units__link">
                <span dir="auto">{other.insight.summary}</span>
                <span class="similar-units__facts quiet">
                  {Math.round(other.evidence.confidence * 100)}% · {other.domains.join(', ')}
                </span>
              </Link>
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}

/** Units that say much the same as one: is it a duplicate? Nothing is shown where none is known. */
export function ResemblingUnits({ unitId }: { unitId: string }) {
  const { data } = useQuery(resemblingUnitsQuery(unitId))
  if (data === undefined || data.length === 0) return null
  return (
    <section class="similar-units">
      <h3 class="unit-detail__heading">Similar</h3>
      <ul class="similar-units__list">
        {data.slice(0, 5).map(({ unit_id, status, summary, similarity }) => (
          <li key={unit_id}>
            <Link href={`/library/${unit_id}`} class="similar-units__link">
              <span dir="auto">{summary}</span>
              <span class="similar-units__facts quiet">
                {status}, {Math.round(similarity * 100)}% similar
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  )
}
