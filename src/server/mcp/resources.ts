import type {
  CompleteResult,
  ReadResourceResult,
  Resource,
  ResourceTemplate,
} from '@modelcontextprotocol/sdk/types.js'
import { forAgents } from '../../knowledge/document.ts'
import type { Store } from '../../store.ts'
import { mostFrequentFirst, mostUnits, queryUnits } from '../routes/knowledge.ts'

const mimeType = 'application/json'
const domainsUri = 'cq://domains'
const domainTemplate = 'cq://domain/{domain}'
const [unitPrefix, domainPrefix] = ['cq://unit/', 'cq://domain/']

export const resources: Resource[] = [
  {
    uri: domainsUri,
    name: 'domains',
    title: 'Domains',
    description: 'Every domain, and how many approved units have it, most frequent first.',
    mimeType,
  },
]

export const resourceTemplates: ResourceTemplate[] = [
  {
    uriTemplate: 'cq://unit/{id}',
    name: 'unit',
    title: 'Knowledge unit',
    description: 'The approved unit with an id.',
    mimeType,
  },
  {
    uriTemplate: domainTemplate,
    name: 'domain',
    title: 'Units of a domain',
    description: `Up to ${mostUnits} approved units of a domain, best first.`,
    mimeType,
  },
]

/** @returns `undefined` if there is no such resource */
export async function readResource(
  store: Store,
  uri: string,
): Promise<ReadResourceResult | undefined> {
  const text = await textOf(store, uri)
  return text === undefined ? undefined : { contents: [{ uri, mimeType, text }] }
}

async function textOf(store: Store, uri: string): Promise<string | undefined> {
  if (uri === domainsUri) {
    const domains = (await domainsOf(store)).map(([domain, units]) => ({ domain, units }))
    return JSON.stringify({ domains })
  }
  const domain = nameAfter(domainPrefix, uri)
  if (domain !== undefined)
    return queryUnits(store, 'public', { domains: [domain], limit: mostUnits })
  const id = nameAfter(unitPrefix, uri)
  const unit = id === undefined ? null : await store.get(id)
  return unit === null ? undefined : JSON.stringify(forAgents(unit))
}

/** What follows a prefix, decoded; `undefined` if that is nothing, or no text that a store could hold. */
function nameAfter(prefix: string, uri: string): string | undefined {
  if (!uri.startsWith(prefix) || uri.length === prefix.length) return undefined
  try {
    const name = decodeURIComponent(uri.slice(prefix.length))
    return name.includes('\0') || !name.isWellFormed() ? undefined : name
  } catch {
    return undefined
  }
}

/** As MCP limits it. */
const mostValues = 100

/** The most frequent domains that begin with a text, or else contain it. */
export async function completeDomain(store: Store, begun: string): Promise<CompleteResult> {
  const wanted = begun.trim().toLowerCase()
  const names = (await domainsOf(store)).map(([name]) => name)
  const beginning = names.filter((name) => name.startsWith(wanted))
  const found = [...beginning, ...names.filter((name) => name.indexOf(wanted) > 0)]
  return {
    completion: {
      values: found.slice(0, mostValues),
      total: found.length,
      hasMore: found.length > mostValues,
    },
  }
}

/** Whether clients may ask to complete this argument of this template. */
export function isDomainOf(uri: string, argument: string): boolean {
  return uri === domainTemplate && argument === 'domain'
}

/** Most frequent first, then by name. */
async function domainsOf(store: Store): Promise<(readonly [name: string, units: number])[]> {
  return Object.entries(await store.domainCounts()).toSorted(mostFrequentFirst)
}
