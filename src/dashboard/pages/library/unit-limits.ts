import type { KnowledgeUnit } from '../../api/units.ts'

/** What a unit may hold, as src/knowledge/knowledge-unit.ts says; lengths in characters. */
export const limits = {
  summary: 500,
  detail: 8_000,
  action: 2_000,
  domain: 64,
  domains: 16,
} as const

/** What can be changed of a unit. Domains are one text, separated by commas. */
export interface Draft {
  readonly domains: string
  readonly summary: string
  readonly detail: string
  readonly action: string
}

export type DraftFaults = { -readonly [Name in keyof Draft]?: string | undefined }

export function draftOf({ domains, insight }: Pick<KnowledgeUnit, 'domains' | 'insight'>): Draft {
  const { summary, detail, action } = insight
  return { domains: domains.join(', '), summary, detail, action }
}

export function isSameDraft(one: Draft, other: Draft): boolean {
  return (
    sameList(domainsOf(one.domains), domainsOf(other.domains)) &&
    (['summary', 'detail', 'action'] as const).every((name) => one[name] === other[name])
  )
}

/** The domains in a text as the server keeps them: lower case, stripped, without repetitions. */
export function domainsOf(text: string): string[] {
  const parts = text.split(/[,\n]/).map((part) => part.toLowerCase().trim())
  return [...new Set(parts)].filter((part) => part !== '')
}

/** What the server would refuse of a draft. */
export function faultsOf(draft: Draft): DraftFaults {
  const faults: DraftFaults = {}
  const domains = domainsOf(draft.domains)
  if (domains.length === 0) faults.domains = 'At least one domain is needed.'
  else if (domains.length > limits.domains)
    faults.domains = `At most ${limits.domains} domains, these are ${domains.length}.`
  else if (domains.some((domain) => lengthOf(domain) > limits.domain))
    faults.domains = `A domain has at most ${limits.domain} characters.`
  if (!isStorable(draft.domains)) faults.domains = unstorable
  for (const name of ['summary', 'detail', 'action'] as const) {
    const length = lengthOf(draft[name])
    if (length > limits[name])
      faults[name] = `At most ${inWords(limits[name])} characters, these are ${inWords(length)}.`
    else if (!isStorable(draft[name])) faults[name] = unstorable
  }
  if (draft.summary.trim() === '') faults.summary = 'A summary is needed.'
  return faults
}

/** Code points, as the server counts them. */
export function lengthOf(text: string): number {
  return [...text].length
}

const unstorable = 'It holds a character that cannot be stored (NUL, or half of a surrogate pair).'

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

function inWords(count: number): string {
  return count.toLocaleString('en-GB')
}

function sameList(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((one, at) => one === others[at])
}
