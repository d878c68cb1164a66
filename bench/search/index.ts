// What search by words takes, and what keeping its index and recognising proposals cost: `npm run bench:search`.
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { SqliteStore } from '../../src/index.ts'
import { Corpus, randomNumbers } from '../corpus.ts'

const units = Number(process.argv[2] ?? 100_000)
const rounds = 5
const searches = 1_000
const writes = 4_000
const inFlight = 64
const seed = 1

/**
 * Words as frequent as those of a language are: the n-th has a share of 1 / (n + 2.7). The most frequent say nothing,
 * and nobody searches for them.
 */
const vocabulary = Array.from({ length: 30_000 }, (_, place) => wordAt(place))
const sayNothing = 50
const shares = new Float64Array(vocabulary.length)
let all = 0
for (let place = 0; place < shares.length; place++) shares[place] = all += 1 / (place + 2.7)

function wordAt(place: number): string {
  let word = ''
  for (let rest = place + 400; rest > 0; rest = Math.floor(rest / 20))
    word += `${'bcdfghjklmnpqrstvwxz'.charAt(rest % 20)}${'aeiou'.charAt(rest % 5)}`
  return word
}

function placeOf(number: number): number {
  let [low, high] = [0, shares.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((shares[middle] as number) < number * all) low = middle + 1
    else high = middle
  }
  return low
}

const corpus = new Corpus(units, seed)
const textOf = (random: () => number, words: number) =>
  Array.from({ length: words }, () => vocabulary[placeOf(random())]).join(' ')

function unitAt(index: number, fresh = false) {
  const random = randomNumbers(seed + 7 * index + (fresh ? 1 : 0))
  const unit = fresh ? corpus.freshUnit(index) : corpus.unitAt(index)
  const insight = {
    summary: textOf(random, 12),
    detail: textOf(random, 70),
    action: textOf(random, 25),
  }
  return { ...unit, insight }
}

/** Two words of one unit. */
function queryAt(number: number): string {
  const random = randomNumbers(seed + number)
  const { insight } = unitAt(Math.floor(random() * units))
  const words = insight.detail.split(' ').filter((word) => vocabulary.indexOf(word) >= sayNothing)
  return [0, 1].map(() => words[Math.floor(random() * words.length)]).join(' ')
}

const sorted = (numbers: readonly number[]) => [...numbers].sort((one, other) => one - other)
const at = (numbers: readonly number[], share: number) =>
  sorted(numbers)[Math.min(numbers.length - 1, Math.floor(numbers.length * share))] as number
const range = (numbers: readonly number[], digits = 1) =>
  `${at(numbers, 0.5).toFixed(digits)} | ${at(numbers, 0).toFixed(digits)} to ${at(numbers, 1).toFixed(digits)}`

async function together(count: number, call: (number: number) => Promise<unknown>) {
  let next = 0
  const begun = performance.now()
  const worker = async () => {
    while (next < count) await call(next++)
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  return ((performance.now() - begun) * 1_000) / count
}

const folder = await mkdtemp(join(tmpdir(), 'cq-store-bench-search-'))
try {
  const path = join(folder, 'cq.db')
  const size = async () => (await stat(path)).size / units
  let store = await SqliteStore.open({ path, rankers: 0 })
  const imported = performance.now()
  for (let first = 0; first < units; first += 500)
    await store.importUnits(
      Array.from({ length: Math.min(500, units - first) }, (_, place) => ({
        knowledge_unit: unitAt(first + place),
        status: 'approved' as const,
      })),
    )
  const importSeconds = (performance.now() - imported) / 1_000
  const indexed = performance.now()
  while ((await store.indexTexts()) > 0);
  const indexSeconds = (performance.now() - indexed) / 1_000
  await store.close()
  store = await SqliteStore.open({ path })
  await store.query(['none'])
  const bytes = await size()

  const figures = {
    p50: [],
    p99: [],
    loop: [],
    query: [],
    insert: [],
    propose: [],
    decide: [],
  } as Record<'p50' | 'p99' | 'loop' | 'query' | 'insert' | 'propose' | 'decide', number[]>
  let fresh = 0
  for (let round = 0; round <= rounds; round++) {
    const queries = Array.from({ length: searches }, (_, number) =>
      queryAt(round * searches + number),
    )
    const times: number[] = []
    const delay = monitorEventLoopDelay({ resolution: 1 })
    delay.enable()
    for (const query of queries) {
      const begun = performance.now()
      await store.search(query)
      times.push(performance.now() - begun)
    }
    delay.disable()
    const withText: number[] = []
    for (const query of queries.slice(0, 200)) {
      const begun = performance.now()
      await store.query(corpus.popularDomains(2), { text: query })
      withText.push(performance.now() - begun)
    }
    const batch = (first: number) =>
      Array.from({ length: writes }, (_, number) => unitAt(first + number, true))
    const inserted = batch(fresh)
    const proposed = batch(fresh + writes)
    fresh += 2 * writes
    const insert = await together(writes, (number) => store.insert(inserted[number] as never))
    const propose = await together(writes, (number) => store.propose(proposed[number] as never))
    const decide = await together(1_000, (number) =>
      store.decide(inserted[number]?.id ?? '', 'approved', 'carol'),
    )
    while ((await store.indexTexts()) > 0);
    // What runs is compiled in the first round, which does not count.
    if (round === 0) continue
    figures.p50.push(at(times, 0.5))
    figures.p99.push(at(times, 0.99))
    figures.loop.push(delay.percentile(99) / 1e6)
    figures.query.push(at(withText, 0.99))
    figures.insert.push(insert)
    figures.propose.push(propose)
    figures.decide.push(decide)
  }
  await store.close()
  const ratios = figures.propose.map((time, round) => time / (figures.insert[round] as number))
  const text = `# Search by words

${units} approved units in SQLite with texts of 107 words, of 30,000 words that are as frequent as those of a language; ${rounds}
rounds of ${searches} searches for two words of one unit, one after the other, and of ${writes} writes with ${inFlight} in flight, on ${cpus().length} cores
(${cpus()[0]?.model}, Node ${process.versions.node}). Made by \`npm run bench:search\`.

| | target | median of the rounds | range |
|---|---:|---:|---:|
| a search, median, ms | | ${range(figures.p50, 2)} |
| a search, p99, ms | ≤ 10 | ${range(figures.p99, 2)} |
| a query of two domains with two words, p99, ms | | ${range(figures.query, 2)} |
| the event loop's delay meanwhile, p99, ms | | ${range(figures.loop, 2)} |
| \`insert\`, µs | | ${range(figures.insert)} |
| \`propose\`, which recognises proposals, µs | | ${range(figures.propose)} |
| \`propose\` against \`insert\` | ≤ 1.1 × | ${range(ratios, 2)} |
| \`decide\`, while words are indexed, µs | | ${range(figures.decide)} |

The price: importing took ${importSeconds.toFixed(1)} s while words were indexed, and indexing what was left ${indexSeconds.toFixed(1)} s more. The file has ${Math.round(bytes)}
bytes a unit, with everything.
`
  if (units === 100_000) await writeFile(new URL('../results/search.md', import.meta.url), text)
  process.stdout.write(text)
} finally {
  await rm(folder, { recursive: true, force: true })
}
