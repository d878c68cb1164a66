import { answerOf, api } from '../../api/client.ts'
import type { components } from '../../api/schema.d.ts'
import type { UnitStatus } from '../../api/units.ts'

export type Decision = Exclude<UnitStatus, 'pending'>
export type Outcome = components['schemas']['DecisionOutcomes']['outcomes'][number]

/** How many units the server decides at once. */
const mostAtOnce = 500

/** Decides units, or opens them again; what became of each. Those of a part that failed have its error. */
export async function sendDecision(
  unitIds: readonly string[],
  decision: UnitStatus,
  from: UnitStatus,
): Promise<{ outcomes: Outcome[]; failed: string[]; error: unknown }> {
  const outcomes: Outcome[] = []
  for (let at = 0; at < unitIds.length; at += mostAtOnce) {
    const body = { unit_ids: unitIds.slice(at, at + mostAtOnce), decision, from }
    try {
      outcomes.push(...(await answerOf(api.POST('/api/v1/review/decisions', { body }))).outcomes)
    } catch (error) {
      // The rest would most likely fail as well.
      return { outcomes, failed: unitIds.slice(at), error }
    }
  }
  return { outcomes, failed: [], error: undefined }
}

/** Why a unit was not decided, in words. */
export function faultOf({ outcome, status, reviewed_by }: Outcome): string {
  if (outcome === 'not_found') return 'It is gone: somebody has removed it.'
  if (outcome === 'forbidden') return 'You proposed it, so that another reviewer has to decide.'
  const by = reviewed_by === null ? '' : ` by ${reviewed_by}`
  return status === 'pending' ? 'It is pending again.' : `Already ${status}${by}.`
}

/**
 * What others decide, as it happens. Polling backs off while nothing happens, and pauses in hidden pages.
 * @param tell is given the decisions, and when they were asked for, in milliseconds of the page's clock
 */
export function followDecisions(
  tell: (decided: readonly components['schemas']['ReviewDecision'][], askedAt: number) => void,
): () => void {
  const shortest = 3_000
  const longest = 30_000
  /** Clocks of servers differ, and commits come late. */
  const overlap = 10_000
  /** What the last answer held: the next one begins earlier than it ended. */
  let told = new Set<string>()
  let since: string | undefined
  let wait = shortest
  let timer: ReturnType<typeof setTimeout> | undefined
  const abort = new AbortController()

  async function ask(): Promise<void> {
    const askedAt = Date.now()
    try {
      const query = since === undefined ? { limit: 1 } : { since, limit: 500 }
      const call = api.GET('/api/v1/review/decisions', { params: { query }, signal: abort.signal })
      const { decisions } = await answerOf(call)
      const isFirst = since === undefined
      const newest = Date.parse(decisions[0]?.reviewed_at ?? '')
      // One time in the future must not hide what is decided until then.
      if (!Number.isNaN(newest)) since = new Date(Math.min(newest, askedAt) - overlap).toISOString()
      else since ??= new Date(askedAt - overlap).toISOString()
      const keyOf = (one: (typeof decisions)[number]) => `${one.unit_id} ${one.reviewed_at}`
      const news = decisions.filter((one) => !told.has(keyOf(one)))
      told = new Set(decisions.map(keyOf))
      if (news.length > 0 && !isFirst) tell(news, askedAt)
      wait = news.length > 0 ? shortest : Math.min(wait * 1.25, longest)
    } catch {
      // The page shows elsewhere that the server is away.
      wait = Math.min(wait * 2, longest)
    }
    plan()
  }
  function plan(): void {
    clearTimeout(timer)
    if (!abort.signal.aborted && document.visibilityState === 'visible')
      timer = setTimeout(ask, wait)
  }
  function wake(): void {
    wait = shortest
    plan()
  }
  document.addEventListener('visibilitychange', wake)
  for (const event of ['keydown', 'pointerdown']) addEventListener(event, soon)
  function soon(): void {
    if (wait <= shortest * 2) return
    wake()
  }
  void ask()
  return () => {
    abort.abort()
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', wake)
    for (const event of ['keydown', 'pointerdown']) removeEventListener(event, soon)
  }
}
