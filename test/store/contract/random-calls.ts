import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type {
  FlagInput,
  KnowledgeUnit,
  KnowledgeUnitInput,
  ReviewStatus,
  Store,
} from '../../../src/index.ts'
import { figuresOf, ModelRefusal, StoreModel } from '../model.ts'
import { passwordHash, sampleUnit, TestClock, unitId } from '../samples.ts'
import { type Outcome, outcome } from './failure.ts'
import { type OpenStore, shareStore } from './open-store.ts'

const noon = '2026-11-22T12:00:00.000Z'
const times = <T>(count: number, make: (index: number) => T) =>
  Array.from({ length: count }, (_, index) => make(index))

export function describeRandomCalls(openStore: OpenStore): void {
  describe('any calls, made in batches', () => {
    const clock = new TestClock(noon)
    const the = shareStore(openStore, clock.now)

    it('do what they would do one after the other, in the order in which they are made', async () => {
      let run = 0
      const reached = new Set<string>()
      await fc.assert(
        fc.asyncProperty(batchesOfCalls, async (batches) => {
          const names = new Names(++run)
          await compare(the.store, clock, names, [firstCalls, ...batches], reached)
        }),
        { numRuns: 30, seed: 20261122 },
      )
      expect([...reached].sort()).toEqual(everyOutcome)
    })
  })
}

/** Names of one run, so that runs can share a store. */
class Names {
  readonly #run: number

  constructor(run: number) {
    this.#run = run
  }

  unit(index: number): string {
    return unitId(this.#run * 1000 + index)
  }

  user(index: number): string {
    return index === 0 ? ' ' : `user ${index} of run ${this.#run}`
  }

  /** The domain, in the same letter case and with the same spaces around. */
  domain(name: string): string {
    return name.trim() === '' ? name : name.replace(/[a-z]+/i, (word) => `${word}-${this.#run}`)
  }
}

type WriteMethod =
  | 'insert'
  | 'insertMany'
  | 'update'
  | 'confirm'
  | 'flag'
  | 'setReviewStatus'
  | 'decide'
  | 'createUser'
  | 'removeUnit'
type WriteCall = { [M in WriteMethod]: readonly [M, ...Parameters<Store[M]>] }[WriteMethod]

const unitCount = 6
const userCount = 4
const domains = ['alpha', 'beta', 'gamma', 'delta'] as const

const rarely = <T>(usual: fc.Arbitrary<T>, rare: fc.Arbitrary<T>) =>
  fc.oneof({ arbitrary: usual, weight: 12 }, { arbitrary: rare, weight: 1 })
const index = fc.nat({ max: unitCount - 1 })
const tag = fc.subarray(['ts', 'go', 'TS'])

/** What a unit says, its domains not yet of any run. */
const unitParts = fc.record(
  {
    domains: rarely(
      fc.subarray([...domains, ' Alpha', 'BETA\t', ' '], { minLength: 2, maxLength: 5 }),
      fc.constant<string[]>([' ', '']),
    ),
    insight: fc.record({
      summary: rarely(fc.string({ maxLength: 20 }), fc.constant('x'.repeat(501))).filter(
        isStorable,
      ),
      detail: fc.constant('Detail'),
      action: fc.constant('Action'),
    }),
    context: fc.record(
      { languages: tag, frameworks: tag, pattern: fc.constantFrom('', 'cache', 'Cache') },
      { requiredKeys: [] },
    ),
    evidence: fc.record(
      {
        confidence: rarely(fc.constantFrom(0, 0.05, 0.3, 0.5, 0.85, 0.95, 1), fc.constant(1.5)),
        confirmations: fc.nat({ max: 5 }),
        first_observed: fc.constantFrom(
          '2026-11-01T00:00:00.000000Z',
          '2026-11-02T00:00:00.500000Z',
        ),
        last_confirmed: fc.constantFrom('2026-11-03T00:00:00.000000Z'),
      },
      { requiredKeys: [] },
    ),
    tier: fc.constantFrom('local', 'private', 'public'),
    extensions: fc.constantFrom(null, {}, { 'vendor:key': [1, { two: null }] }),
  },
  { requiredKeys: ['domains', 'insight'] },
)
const flagParts: fc.Arbitrary<FlagInput> = fc.record(
  {
    reason: rarely(
      fc.constantFrom('stale', 'incorrect', 'duplicate'),
      fc.constant('boring' as 'stale'),
    ),
    detail: fc.constantFrom(null, 'Detail'),
    duplicate_of: fc.constantFrom(null, unitId(1)),
  },
  { requiredKeys: ['reason'] },
)
const decision = fc.constantFrom('approved', 'approved', 'rejected')
const reviewer = fc.constantFrom('ann', 'bob')

/** A call that is still to be told the names of its run. */
type MakeCall = (names: Names) => WriteCall

function isStorable(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0')
}

/** Calls made of what is given, and told the names of their run later. */
function making<T>(
  given: fc.Arbitrary<T>,
  make: (names: Names, given: T) => WriteCall,
): fc.Arbitrary<MakeCall> {
  return given.map((value) => (names) => make(names, value))
}

type NumberedParts = [index: number, parts: Omit<KnowledgeUnitInput, 'id'>]

function unitOf(names: Names, [index, parts]: NumberedParts): KnowledgeUnitInput {
  const domains = parts.domains.map((name) => names.domain(name))
  return { ...parts, id: names.unit(index), domains }
}

const unit: fc.Arbitrary<NumberedParts> = fc.tuple(index, unitParts)
const status = fc.constantFrom('pending', 'approved', 'rejected')
const user = fc.nat({ max: userCount - 1 })

const call = fc.oneof(
  { weight: 5, arbitrary: making(unit, (names, unit) => ['insert', unitOf(names, unit)]) },
  {
    weight: 1,
    arbitrary: making(fc.array(unit, { maxLength: 3 }), (names, units) => [
      'insertMany',
      units.map((unit) => unitOf(names, unit)),
    ]),
  },
  { weight: 3, arbitrary: making(unit, (names, unit) => ['update', unitOf(names, unit)]) },
  {
    weight: 4,
    arbitrary: making(fc.tuple(index, decision, reviewer), (names, [index, ...rest]) => [
      'decide',
      names.unit(index),
      ...rest,
    ]),
  },
  {
    weight: 3,
    arbitrary: making(fc.tuple(index, status, reviewer), (names, [index, ...rest]) => [
      'setReviewStatus',
      names.unit(index),
      ...rest,
    ]),
  },
  { weight: 5, arbitrary: making(index, (names, index) => ['confirm', names.unit(index)]) },
  {
    weight: 4,
    arbitrary: making(fc.tuple(index, flagParts), (names, [index, flag]) => [
      'flag',
      names.unit(index),
      flag,
    ]),
  },
  { weight: 1, arbitrary: making(index, (names, index) => ['removeUnit', names.unit(index)]) },
  {
    weight: 1,
    arbitrary: making(user, (names, user) => ['createUser', names.user(user), passwordHash]),
  },
)

const batchesOfCalls = fc.array(fc.array(call, { minLength: 1, maxLength: 60, size: 'max' }), {
  minLength: 1,
  maxLength: 6,
  size: 'max',
})

/** Half of the units, approved: without them most calls would find nothing to work on. */
const firstCalls: MakeCall[] = times(unitCount / 2, (index) => index).flatMap((index) => [
  (names) => [
    'insert',
    sampleUnit(names.unit(index), new Date(noon), { domains: [names.domain('alpha')] }),
  ],
  (names) => ['decide', names.unit(index), 'approved', 'ann'],
])

/** How calls may end; if some never did, the runs would say nothing of them. */
const everyOutcome = [
  'confirm not_found',
  'confirm ok',
  'createUser conflict',
  'createUser invalid',
  'createUser ok',
  'decide conflict',
  'decide not_found',
  'decide ok',
  'flag invalid',
  'flag not_found',
  'flag ok',
  'insert conflict',
  'insert invalid',
  'insert ok',
  'insertMany conflict',
  'insertMany invalid',
  'insertMany ok',
  'removeUnit false',
  'removeUnit true',
  'setReviewStatus approved to approved',
  'setReviewStatus approved to pending',
  'setReviewStatus approved to rejected',
  'setReviewStatus not_found',
  'setReviewStatus pending to approved',
  'setReviewStatus pending to pending',
  'setReviewStatus pending to rejected',
  'setReviewStatus rejected to approved',
  'setReviewStatus rejected to pending',
  'setReviewStatus rejected to rejected',
  'update invalid',
  'update not_found',
  'update ok',
]

/** Makes the calls of each batch at once, and demands that all is as in a model that does one at a time. */
async function compare(
  store: Store,
  clock: TestClock,
  names: Names,
  batches: readonly (readonly MakeCall[])[],
  reached: Set<string>,
): Promise<void> {
  const model = new StoreModel(clock.now)
  const before = await figuresOf(store)
  for (const batch of batches) {
    // Some are of another day than the one before.
    clock.advance(7 * 3_600_000)
    const calls = batch.map((make) => make(names))
    const outcomes = calls.map((one) => outcome(callStore(store, one)))
    const expected = calls.map((one) => {
      const from = one[0] === 'setReviewStatus' && model.getReviewStatus(one[1])?.status
      const ended = callModel(model, one)
      const how = from ? `${from} to ${one[2]}` : 'ok'
      const answer = 'value' in ended && typeof ended.value === 'boolean' ? ended.value : how
      reached.add(`${one[0]} ${'code' in ended ? ended.code : answer}`)
      return ended
    })
    expect(await Promise.all(outcomes)).toEqual(expected)
    await compareUnits(store, model, names)
    expect(difference(await figuresOf(store), before)).toEqual(model.figures)
  }
  await compareFindings(store, model, names)
}

/** By how much each figure changed, where it did. */
function difference(
  after: Record<string, number>,
  before: Record<string, number>,
): Record<string, number> {
  const names = Object.keys({ ...before, ...after })
  const changes = names.map((name) => [name, (after[name] ?? 0) - (before[name] ?? 0)] as const)
  return Object.fromEntries(changes.filter(([, change]) => change !== 0))
}

async function compareUnits(store: Store, model: StoreModel, names: Names): Promise<void> {
  const ids = times(unitCount, (index) => names.unit(index))
  const state = (id: string): [KnowledgeUnit | null, KnowledgeUnit | null, ReviewStatus | null] => [
    model.get(id),
    model.getAny(id),
    model.getReviewStatus(id),
  ]
  const stored = ids.map((id) =>
    Promise.all([store.get(id), store.getAny(id), store.getReviewStatus(id)]),
  )
  expect(await Promise.all(stored)).toEqual(ids.map(state))
}

async function compareFindings(store: Store, model: StoreModel, names: Names): Promise<void> {
  const own = domains.map((domain) => names.domain(domain))
  const context = { languages: ['ts'], frameworks: ['go'], pattern: 'CACHE' }
  for (const asked of [...own.map((domain) => [domain]), own.slice(0, 2), own])
    for (const options of [{}, context, { ...context, limit: 2 }, { limit: 100 }]) {
      const expected = model.query(asked, options)
      expect(await store.query(asked, options)).toEqual(expected)
      expect(JSON.parse(await store.asText('whole', 'query', asked, options))).toEqual(expected)
    }
  for (const domain of own) {
    const listed = await store.listUnits({ domain })
    expect(listed.map(({ knowledge_unit }) => knowledge_unit.id)).toEqual(model.listed(domain))
  }
  const users = await Promise.all(times(userCount, (index) => store.getUser(names.user(index))))
  const made = users.filter((user) => user !== null).sort((a, b) => a.id - b.id)
  expect(made.map(({ username }) => username)).toEqual(model.users)
}

function callStore(store: Store, [method, ...args]: WriteCall): Promise<unknown> {
  return (store[method] as (...args: unknown[]) => Promise<unknown>).apply(store, args)
}

function callModel(model: StoreModel, [method, ...args]: WriteCall): Outcome {
  try {
    return { value: (model[method] as (...args: unknown[]) => unknown).apply(model, args) }
  } catch (error) {
    if (error instanceof ModelRefusal) return { code: error.code }
    throw error
  }
}
