import { useQuery } from '@tanstack/preact-query'
import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks'
import { Link } from 'wouter-preact'
import type { UnitFilter } from '../../api/units.ts'
import { Button } from '../../components/button.tsx'
import { SelectField, TextField } from '../../components/field.tsx'
import { useMedia } from '../../components/use-media.ts'
import { countQuery, statsQuery } from './library-queries.ts'
import {
  filterCount,
  type LibraryView,
  type Order,
  orders,
  statuses,
  tiers,
  writeView,
} from './unit-filter.ts'

/** A browser shows no more suggestions than that, and takes long to lay thousands out. */
const mostSuggested = 200
/** Milliseconds after the last key until what was typed is searched for. */
const patience = 350

const numbers = new Intl.NumberFormat('en-GB')

/** All, pending, approved, rejected: each with how many units the other filters leave it. */
export function StatusTabs({ view }: { view: LibraryView }) {
  const { status, ...others } = view.filter
  const tabs = [undefined, ...statuses] as const
  return (
    <nav class="status-tabs" aria-label="Status">
      {tabs.map((tab) => {
        const filter = tab === undefined ? others : { ...others, status: tab }
        const search = writeView({ ...view, filter })
        return (
          <Link
            key={tab ?? 'all'}
            href={search ? `/library?${search}` : '/library'}
            class="status-tabs__tab"
            aria-current={tab === status ? 'true' : undefined}
          >
            {tab === undefined ? 'All' : `${tab.charAt(0).toUpperCase()}${tab.slice(1)}`}{' '}
            <TabCount filter={filter} />
          </Link>
        )
      })}
    </nav>
  )
}

function TabCount({ filter }: { filter: UnitFilter }) {
  const { data } = useQuery(countQuery(filter))
  if (!data) return null
  return (
    <span class="status-tabs__count">
      {numbers.format(data.count)}
      {data.is_exact ? '' : '+'}
    </span>
  )
}

interface FilterBarProps {
  view: LibraryView
  onChange: (view: LibraryView) => void
}

export function FilterBar({ view, onChange }: FilterBarProps) {
  const { filter, order } = view
  const isNarrow = useMedia('(max-width: 720px)')
  const [isUnfolded, setUnfolded] = useState(false)
  const count = filterCount(filter)
  const set = (changed: Partial<Record<keyof UnitFilter, unknown>>) => {
    const merged = Object.entries({ ...filter, ...changed })
    const kept = merged.filter(([, value]) => value !== undefined && value !== '')
    onChange({ order, filter: Object.fromEntries(kept) as UnitFilter })
  }
  return (
    <details
      class="filters-fold"
      open={!isNarrow || isUnfolded}
      onToggle={(event) => isNarrow && setUnfolded(event.currentTarget.open)}
    >
      <summary>{count > 0 ? `Filters (${count})` : 'Filters'}</summary>
      <search class="filters">
        <TypedField
          label="Text"
          type="search"
          placeholder="Words of summary, detail or action"
          value={filter.text ?? ''}
          onSettle={(text) => set({ text: text.trim() })}
        />
        <DomainField value={filter.domain ?? ''} onSettle={(domain) => set({ domain })} />
        <TypedField
          label="Proposer"
          value={filter.proposer ?? ''}
          placeholder="Anybody"
          onSettle={(proposer) => set({ proposer })}
        />
        <SelectField
          label="Tier"
          value={filter.tier ?? ''}
          onChange={(event) => set({ tier: event.currentTarget.value })}
        >
          <option value="">Any</option>
          {tiers.map((tier) => (
            <option key={tier} value={tier}>
              {tier}
            </option>
          ))}
        </SelectField>
        <ConfidenceRange filter={filter} onChange={set} />
        <SelectField
          label="Flags"
          value={filter.flagged === undefined ? '' : String(filter.flagged)}
          onChange={({ currentTarget: { value } }) =>
            set({ flagged: value === '' ? undefined : value === 'true' })
          }
        >
          <option value="">Any</option>
          <option value="true">Flagged</option>
          <option value="false">Not flagged</option>
        </SelectField>
        <SelectField
          label="Order"
          value={order}
          onChange={(event) => onChange({ filter, order: event.currentTarget.value as Order })}
        >
          {orders.map((one) => (
            <option key={one} value={one}>
              {orderNames[one]}
            </option>
          ))}
        </SelectField>
      </search>
      {count > 0 && (
        <Button
          kind="ghost"
          onClick={() =>
            onChange({ order, filter: filter.status ? { status: filter.status } : {} })
          }
        >
          Clear filters
        </Button>
      )}
    </details>
  )
}

const orderNames: Record<Order, string> = {
  newest: 'Newest first',
  oldest: 'Oldest first',
  decided: 'Recently decided',
}

function DomainField(props: { value: string; onSettle: (value: string) => void }) {
  const listId = useId()
  const stats = useQuery(statsQuery)
  const domains = useMemo(() => {
    const counted = Object.entries(stats.data?.domains ?? {})
    return counted.sort(([, some], [, others]) => others - some).map(([domain]) => domain)
  }, [stats.data])
  const [typed, setTyped] = useState('')
  const wanted = typed.trim().toLowerCase()
  const suggested = domains.filter((domain) => domain.includes(wanted)).slice(0, mostSuggested)
  return (
    <>
      <TypedField
        {...props}
        label="Domain"
        list={listId}
        placeholder="Any"
        onType={setTyped}
        onSettle={(domain) => props.onSettle(domain.trim().toLowerCase())}
      />
      <datalist id={listId} class="visually-hidden">
        {suggested.map((domain) => (
          <option key={domain} value={domain} />
        ))}
      </datalist>
    </>
  )
}

interface TypedFieldProps {
  label: string
  value: string
  onSettle: (value: string) => void
  onType?: (value: string) => void
  type?: 'search' | 'text'
  placeholder?: string
  list?: string
}

/** A field that says what was typed only when the typing has paused, or at Enter. */
function TypedField({ value, onSettle, onType, type = 'text', ...rest }: TypedFieldProps) {
  const [typed, setTyped] = useState(value)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const settle = useRef(onSettle)
  settle.current = onSettle
  const lastSettled = useRef(value)
  useEffect(() => {
    // The address changed otherwise, by a link or by going back. What is being typed stays.
    if (value !== lastSettled.current.trim()) setTyped(value)
    lastSettled.current = value
  }, [value])
  useEffect(() => () => clearTimeout(timer.current), [])
  const commit = (text: string) => {
    clearTimeout(timer.current)
    if (text === lastSettled.current) return
    lastSettled.current = text
    settle.current(text)
  }
  return (
    <TextField
      {...rest}
      type={type}
      value={typed}
      dir="auto"
      autoComplete="off"
      onInput={({ currentTarget }) => {
        setTyped(currentTarget.value)
        onType?.(currentTarget.value)
        clearTimeout(timer.current)
        timer.current = setTimeout(() => commit(currentTarget.value), patience)
      }}
      onKeyDown={(event) => event.key === 'Enter' && commit(event.currentTarget.value)}
      onBlur={(event) => commit(event.currentTarget.value)}
    />
  )
}

const bounds = [0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100]

function ConfidenceRange({
  filter,
  onChange,
}: {
  filter: UnitFilter
  onChange: (changed: Partial<UnitFilter> | Record<string, undefined>) => void
}) {
  const ends = [
    ['confidence_min', 'Lowest confidence', 'any'],
    ['confidence_max', 'Below this confidence', 'any'],
  ] as const
  return (
    <fieldset class="filters__range">
      <legend>Confidence</legend>
      <div class="filters__ends">
        {ends.map(([name, label, none], at) => {
          const value = filter[name]
          const percent = value === undefined ? '' : String(Math.round(value * 1_000) / 10)
          // An address may hold a bound that is none of the choices.
          const isOdd = percent !== '' && !bounds.includes(Number(percent))
          return (
            <>
              {at === 1 && <span class="quiet">to</span>}
              <SelectField
                key={name}
                label={label}
                hideLabel
                value={percent}
                onChange={({ currentTarget: { value: chosen } }) =>
                  onChange({ [name]: chosen === '' ? undefined : Number(chosen) / 100 } as Record<
                    string,
                    undefined
                  >)
                }
              >
                <option value="">{none}</option>
                {isOdd && <option value={percent}>{percent}%</option>}
                {bounds.map((bound) => (
                  <option key={bound} value={String(bound)}>
                    {bound}%
                  </option>
                ))}
              </SelectField>
            </>
          )
        })}
      </div>
    </fieldset>
  )
}
