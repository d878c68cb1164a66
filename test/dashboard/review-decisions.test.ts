import type { Page } from 'playwright-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { loadSampleUnits, pendingSamples } from '../../src/cli/sample-units.ts'
import { type ServedStore, type ServeOptions, serveStore } from '../server/served-store.ts'
import { eventually, faultsOf, logIn, noBrowser, useBrowser } from './browser.ts'

describe.skipIf(noBrowser)('decisions of a review', () => {
  const the = useBrowser()
  beforeAll(() => {
    // Pages ask on while their servers close.
    the.browser.expected.push(/Failed to load resource/)
  })
  const [first = '', second = '', third = ''] = pendingSamples
    .toSorted((one, other) =>
      String(one.evidence?.first_observed) < String(other.evidence?.first_observed) ? -1 : 1,
    )
    .map(({ insight }) => insight.summary)
  const openUnit = (page: Page) =>
    page.getByRole('region', { name: 'Open unit' }).getByRole('heading').first()

  /** Twelve pending units under review by carol. */
  async function review(options?: ServeOptions): Promise<{ served: ServedStore; page: Page }> {
    const served = await serveStore(options)
    await loadSampleUnits(served.store, 'cq-store')
    const page = await the.browser.open(`${served.url}/ui/`)
    await logIn(page, served, 'carol')
    await eventually(() => openUnit(page).textContent()).toBe(first)
    return { served, page }
  }

  test('are not made by a key that is held', async () => {
    const { served, page } = await review()
    await using _ = served
    for (const [key, pending] of [
      ['a', 11],
      ['r', 10],
    ] as const) {
      // Each further `down` is a repetition.
      for (let times = 0; times < 4; times++) await page.keyboard.down(key)
      await page.keyboard.up(key)
      await eventually(() => served.store.pendingCount()).toBe(pending)
      await eventually(() => openUnit(page).textContent()).toBe(pending === 11 ? second : third)
    }
    await page.keyboard.down('j')
    await page.keyboard.down('j')
    await page.keyboard.up('j')
    await eventually(() => page.locator('[aria-current="true"]').count()).toBe(1)
    expect(await served.store.pendingCount()).toBe(10)
  })

  test('are undone one after the other, the latest first, past those that failed', async () => {
    const { served, page } = await review()
    await using _ = served
    the.browser.expected.push(/Failed to load resource/)
    await page.keyboard.press('a')
    await eventually(() => openUnit(page).textContent()).toBe(second)
    await page.keyboard.press('r')
    await eventually(() => openUnit(page).textContent()).toBe(third)
    await eventually(() => served.store.pendingCount()).toBe(10)
    await page.route('**/review/decisions', (route) =>
      route.fulfill({ status: 503, json: { detail: 'Too busy' } }),
    )
    await page.keyboard.press('a')
    await page.getByText('Not approved. Too busy').first().waitFor()
    await page.unroute('**/review/decisions')
    await page.keyboard.press('u')
    await eventually(() => openUnit(page).textContent()).toBe(second)
    expect(await served.store.countsByStatus()).toEqual({ approved: 31, pending: 11 })
    await page.keyboard.press('u')
    await eventually(() => openUnit(page).textContent()).toBe(first)
    expect(await served.store.pendingCount()).toBe(12)
    await page.keyboard.press('u')
    await page.getByText('There is nothing to undo any more.').first().waitFor()
  })

  test('can be undone for ten seconds from when the server has answered', async () => {
    const { served, page } = await review()
    await using _ = served
    await page.clock.install()
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    await page.route('**/review/decisions', async (route) => {
      await released
      await route.continue()
    })
    await page.keyboard.press('a')
    await page.clock.runFor(30_000)
    await page.getByRole('button', { name: 'Undo' }).waitFor()
    release()
    await page.getByText(/^\d+ s$/).waitFor()
    await page.clock.runFor(5_000)
    await page.getByRole('button', { name: 'Undo' }).click()
    await eventually(() => served.store.pendingCount()).toBe(12)
    await page.keyboard.press('a')
    await page.getByText(/^\d+ s$/).waitFor()
    await page.clock.runFor(11_000)
    expect(await page.getByRole('button', { name: 'Undo' }).count()).toBe(0)
    await page.keyboard.press('u')
    await page.getByText('There is nothing to undo any more.').first().waitFor()
  })

  test('whose answers are lost leave the queue if they were stored', async () => {
    const { served, page } = await review()
    await using _ = served
    await page.route('**/review/decisions', async (route) => {
      await route.fetch()
      await route.abort()
    })
    await page.keyboard.press('a')
    await page
      .getByText('If it was stored all the same, the unit leaves the queue by itself.')
      .first()
      .waitFor()
    await page.getByRole('status').filter({ hasText: 'Approved by carol.' }).waitFor()
  })

  test('stay undone when an answer from before the undo comes late', async () => {
    const { served, page } = await review()
    await using _ = served
    const { promise: isAsked, resolve: asked } = Promise.withResolvers<void>()
    const { promise: released, resolve: release } = Promise.withResolvers<void>()
    const { promise: isOver, resolve: over } = Promise.withResolvers<void>()
    await page.keyboard.press('a')
    await eventually(() => served.store.pendingCount()).toBe(11)
    let answers = 0
    await page.route('**/review/decisions?*since=*', async (route) => {
      const response = await route.fetch()
      if (answers++ === 0) {
        asked()
        await released
      } else over()
      await route.fulfill({ response })
    })
    await isAsked
    await page.keyboard.press('u')
    await page.getByText('Undone.').first().waitFor()
    release()
    await isOver
    expect(await openUnit(page).textContent()).toBe(first)
    expect(await page.getByRole('button', { name: 'Approve A' }).count()).toBe(1)
    await page.unrouteAll({ behavior: 'ignoreErrors' })
  })

  test('of others are seen though one was made in the future', async () => {
    let ahead = 3_600_000
    const { served, page } = await review({ now: () => new Date(Date.now() + ahead) })
    await using _ = served
    const { items } = await served.store.browseUnits({ status: 'pending', order: 'newest' })
    const decide = (at: number, by: string) =>
      served.store.decide(items[at]?.knowledge_unit.id ?? '', 'approved', by)
    await decide(0, 'dora')
    await page.getByText('Approved by dora:').first().waitFor()
    ahead = 0
    await decide(1, 'erin')
    await page.getByText('Approved by erin:').first().waitFor()
  })

  test('are asked for again where the address names an age that there is not', async () => {
    const { served, page } = await review()
    await using _ = served
    await page.goto(`${served.url}/ui/review?age=constructor`)
    await eventually(() => openUnit(page).textContent()).toBe(first)
  })
})

describe.skipIf(noBrowser)('a unit under review', () => {
  const the = useBrowser()

  test('shows below its text what says much the same, and nothing where that fails', async () => {
    await using served = await serveStore()
    the.browser.expected.push(/Failed to load resource/)
    await loadSampleUnits(served.store, 'cq-store')
    const { items } = await served.store.browseUnits({ status: 'pending', order: 'oldest' })
    const unit = items[0]?.knowledge_unit ?? expect.fail('no unit')
    const summary = `${unit.insight.summary} (again)`
    const again = `ku_${'a'.repeat(32)}`
    await served.store.insert({ ...unit, id: again, insight: { ...unit.insight, summary } })
    await served.store.decide(again, 'approved', 'dora')
    const page = await the.browser.open(`${served.url}/ui/`)
    await page.route('**/review/*/similar', (route) => route.abort())
    await logIn(page, served, 'carol')
    const openUnit = page.getByRole('region', { name: 'Open unit' })
    await openUnit.getByRole('heading', { name: 'Approved on the same domains' }).waitFor()
    await openUnit.getByRole('link', { name: summary }).waitFor()
    expect(await openUnit.getByRole('heading', { name: 'Similar' }).count()).toBe(0)
    await page.unroute('**/review/*/similar')
    await page.reload()
    await openUnit.getByRole('heading', { name: 'Similar' }).waitFor()
    expect(await faultsOf(page)).toEqual([])
    await openUnit
      .getByRole('link', { name: /approved, \d+% similar/ })
      .first()
      .click()
    await page.getByRole('heading', { name: summary }).waitFor()
    expect(new URL(page.url()).pathname).toBe(`/ui/library/${again}`)
  })
})
