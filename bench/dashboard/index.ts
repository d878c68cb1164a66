// What a reviewer waits for, in a real browser: `npm run bench:dashboard`. Needs Chromium, and the built dashboard.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { hashPassword } from '../../src/credentials/passwords.ts'
import { createKnowledgeUnit } from '../../src/index.ts'
import { createServer } from '../../src/server/index.ts'
import { SqliteStore } from '../../src/sqlite/store.ts'
import type { ReviewItemInput } from '../../src/store.ts'
import { Browser } from '../../test/dashboard/browser.ts'

const rounds = 5
const pendingUnits = 10_000
const allUnits = 100_000
const password = 'correct horse carol'

function item(number: number): ReviewItemInput {
  const insight = {
    summary: `Number ${number}: what was learnt about a library that many agents use`,
    detail: 'Why it is so, with code:\n\n```ts\nawait store.query(["sqlite"])\n```\n\n'.repeat(6),
    action: 'Do it the other way round.',
  }
  const unit = createKnowledgeUnit({
    domains: [`domain ${number % 500}`, 'common'],
    insight,
    created_by: `agent ${number % 20}`,
  })
  return {
    knowledge_unit: unit,
    ...(number >= pendingUnits && { status: 'approved' as const, reviewed_by: 'bob' }),
  }
}

/** Milliseconds until something is so in the page, told by the page's own clock. */
async function timed(page: Page, act: () => Promise<void>, isDone: string): Promise<number> {
  const start = performance.now()
  // Not `waitForFunction`, which the policy of the page forbids to evaluate text.
  const look = `new Promise((resolve) => {
    const look = () => ((${isDone}) ? resolve() : requestAnimationFrame(look))
    look()
  })`
  const done = page.evaluate(look)
  await act()
  await done
  return performance.now() - start
}

const title = "document.querySelector('.unit-detail__summary')?.textContent"

/** The longest frame, in milliseconds, while a list is scrolled from one screen to the next. */
const scrollFrames = (selector: string) => `(async () => {
  const element = document.querySelector('${selector}')
  const frames = []
  let last = await new Promise(requestAnimationFrame)
  for (let step = 0; step < 120; step++) {
    element.scrollTop += element.clientHeight * 0.8
    const now = await new Promise(requestAnimationFrame)
    frames.push(now - last)
    last = now
  }
  return frames
})()`

const folder = await mkdtemp(join(tmpdir(), 'cq-store-bench-'))
const store = await SqliteStore.open({ path: join(folder, 'cq.db') })
for (let at = 0; at < allUnits; at += 1_000)
  await store.importUnits(Array.from({ length: 1_000 }, (_, number) => item(at + number)))
await store.createUser('carol', await hashPassword(password, { isRandom: true }))
const server = await createServer({
  store,
  jwtSecret: 'a secret of this benchmark, which ends with it',
  apiKeyPepper: 'another secret of this benchmark, ending with it',
})
const url = await server.listen({ host: '127.0.0.1', port: 0 })
const browser = new Browser()
const figures: Record<string, number[]> = {}
const note = (name: string, milliseconds: number) => {
  figures[name] = [...(figures[name] ?? []), milliseconds]
}
try {
  for (let round = 0; round < rounds; round++) {
    const page = await browser.open(`${url}/ui/`)
    await page.getByLabel('User name').fill('carol')
    await page.getByLabel('Password').fill(password)
    const button = page.getByRole('button', { name: 'Log in' })
    note('login to the first unit', await timed(page, () => button.click(), title))
    for (let decision = 0; decision < 20; decision++) {
      const before = JSON.stringify(await page.evaluate(title))
      const next = `${title} !== ${before}`
      note('decision to the next unit', await timed(page, () => page.keyboard.press('a'), next))
    }
    await page.keyboard.press('x')
    // At the end of what is loaded, a key waits for the next page in vain.
    const selected = page.getByText(/^\d+ selected$/)
    while ((await selected.textContent()) !== '100 selected') await page.keyboard.press('J')
    const pending = await store.pendingCount()
    await page.keyboard.press('r')
    const start = performance.now()
    const answered = page.waitForResponse((answer) => answer.url().endsWith('/review/decisions'))
    await page.getByRole('button', { name: 'Reject 100 units' }).click()
    await answered
    note('100 units decided in bulk', performance.now() - start)
    if ((await store.pendingCount()) !== pending - 100) throw new Error('not all were decided')
    await page.keyboard.press('u')
    for (const frame of await page.evaluate<number[]>(scrollFrames('.queue__scroller')))
      note('frame while the queue is scrolled', frame)
    await page.goto(`${url}/ui/library`)
    await page.waitForSelector('.library__scroller a')
    for (const frame of await page.evaluate<number[]>(scrollFrames('.library__scroller')))
      note('frame while the library is scrolled', frame)
    await page.context().close()
  }
} finally {
  await browser.close()
  await server.close()
  await store.close()
  await rm(folder, { recursive: true, force: true })
}
const rows = Object.entries(figures).map(([name, all]) => {
  const sorted = all.toSorted((one, other) => one - other)
  const at = (share: number) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1)
  return `| ${name} | ${at(0.5)} | ${at(0.99)} | ${at(1)} | ${sorted.length} |`
})
const page = `# The dashboard

What a reviewer waits for, in Chromium on the machine of the server: ${allUnits} units, of which ${pendingUnits} are
pending; ${rounds} rounds, in milliseconds. Made by \`npm run bench:dashboard\`.

| | median | p99 | longest | measured |
|---|---:|---:|---:|---:|
${rows.join('\n')}
`
process.stdout.write(page)
await writeFile(new URL('../results/dashboard.md', import.meta.url), page)
