import type { Ref } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import type { UnitFilter } from '../../api/units.ts'
import { Button } from '../../components/button.tsx'
import { SelectField, TextField } from '../../components/field.tsx'
import { type Age, ages, isFiltered, type ReviewView } from './review-view.ts'

/** Milliseconds after the last key until what was typed is searched for. */
const patience = 350

const confidences = {
  '': 'Any',
  '0-0.3': 'Below 30%',
  '0.3-0.5': '30% to 50%',
  '0.5-0.7': '50% to 70%',
  '0.7-1': '70% and more',
} as const

interface ReviewFiltersProps {
  view: ReviewView
  searchRef: Ref<HTMLInputElement>
  onChange: (view: ReviewView) => void
}

export function ReviewFilters({ view, searchRef, onChange }: ReviewFiltersProps) {
  const { filter, age, order } = view
  const set = (changed: Partial<Record<keyof UnitFilter, string | number | undefined>>) => {
    const kept = Object.entries({ ...filter, ...changed }).filter(
      ([, value]) => value !== undefined && value !== '',
    )
    onChange({ ...view, filter: Object.fromEntries(kept) as UnitFilter })
  }
  const range = `${filter.confidence_min ?? 0}-${filter.confidence_max ?? 1}`
  const [isOpen, setOpen] = useState(() => {
    const { text: _, ...others } = filter
    return isFiltered({ ...view, filter: others }) || order === 'newest'
  })
  return (
    <search class="queue__filters">
      <div class="queue__search">
        <TypedField
          label="Search the queue"
          placeholder="Search ( / )"
          type="search"
          inputRef={searchRef}
          value={filter.text ?? ''}
          onSettle={(text) => set({ text })}
        />
        <Button aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          Filters
        </Button>
      </div>
      {isOpen && (
        <div class="queue__fields">
          <TypedField
            label="Domain"
            isLabelled
            value={filter.domain ?? ''}
            onSettle={(domain) => set({ domain })}
          />
          <TypedField
            label="Proposer"
            isLabelled
            value={filter.proposer ?? ''}
            onSettle={(proposer) => set({ proposer })}
          />
          <SelectField
            label="Proposed"
            value={age ?? ''}
            onChange={({ currentTarget: { value } }) =>
              onChange({ ...view, age: value === '' ? undefined : (value as Age) })
            }
          >
            <option value="">At any time</option>
            {Object.entries(ages).map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </SelectField>
          <SelectField
            label="Confidence"
            value={range in confidences ? range : ''}
            onChange={({ currentTarget: { value } }) => {
              const [least, most] = value === '' ? [] : value.split('-').map(Number)
              set({
                confidence_min: least || undefined,
                confidence_max: most === 1 ? undefined : most,
              })
            }}
          >
            {Object.entries(confidences).map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </SelectField>
          <SelectField
            label="Order"
            value={order}
            onChange={({ currentTarget: { value } }) =>
              onChange({ ...view, order: value as ReviewView['order'] })
            }
          >
            <option value="oldest">Oldest first</option>
            <option value="newest">Newest first</option>
          </SelectField>
        </div>
      )}
    </search>
  )
}

interface TypedFieldProps {
  label: string
  value: string
  onSettle: (value: string) => void
  isLabelled?: boolean
  placeholder?: string
  type?: 'search'
  inputRef?: Ref<HTMLInputElement>
}

/** A field whose value counts once nobody has typed for a moment, or at Enter. */
function TypedField({ label, value, onSettle, isLabelled = false, ...rest }: TypedFieldProps) {
  const [typed, setTyped] = useState(value)
  useEffect(() => setTyped(value), [value])
  useEffect(() => {
    if (typed.trim() === value) return
    const timer = setTimeout(() => onSettle(typed.trim()), patience)
    return () => clearTimeout(timer)
  })
  return (
    <TextField
      {...rest}
      label={label}
      hideLabel={!isLabelled}
      maxLength={200}
      value={typed}
      onInput={(event) => setTyped(event.currentTarget.value)}
      onKeyDown={(event) => {
        if (event.key === 'Enter') onSettle(typed.trim())
        if (event.key === 'Escape') event.currentTarget.blur()
      }}
    />
  )
}
