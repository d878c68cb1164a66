import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  loadSampleUnits,
  pendingSamples,
  samples,
  sampleUnits,
} from '../../src/cli/sample-units.ts'
import { type ServedStore, serveStore } from '../server/served-store.ts'
import { faultsOf, logIn, noBrowser, pictures, useBrowser } from './browser.ts'

describe.skipIf(noBrowser)('the review', () => {
  const the = useBrowser()
  let served: ServedStore
  let page: Page

  beforeAll(async () => {
    served = await serveStore()
    await loadSampleUnits(served.store, 'cq-store')
    page = await the.browser.open(`${served.url}/`)
    await logIn(page, served, 'carol')
  })
  afterAll(() => served?.[Symbol.asyncDispose]())

  const summaries = pendingSamples
    .toSorted((one, other) =>
      String(one.evidence?.first_observed) < String(other.evidence?.first_observed) ? -1 : 1,
    )
    .map(({ insight }) => insight.summary)
  const openUnit = () =>
    page.getByRole('region', { name: 'Open unit' }).getByRole('heading').first()

  test('begins with the oldest unit, whole, and tells how many there are', async () => {
    await expect.poll(() => openUnit().textContent()).toBe(summaries[0])
    expect(await page.getByText('12 pending').count()).toBe(1)
    await page.screenshot({ path: join(pictures, 'review-light.png') })
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.screenshot({ path: join(pictures, 'review-dark.png') })
    expect(await faultsOf(page)).toEqual([])
    await page.emulateMedia({ colorScheme: 'light' })
    expect(await faultsOf(page)).toEqual([])
    expect([samples.length, sampleUnits.length]).toEqual([42, 30])
  })

  test('is done by keyboard: on, back, approve, reject and undo', async () => {
    await page.keyboard.press('j')
    await expect.poll(() => openUnit().textContent()).toBe(summaries[1])
    await page.keyboard.press('k')
    await expect.poll(() => openUnit().textContent()).toBe(summaries[0])
    await page.keyboard.press('a')
    await expect.poll(() => openUnit().textContent()).toBe(summaries[1])
    await expect.poll(() => served.store.pendingCount()).toBe(11)
    await page.keyboard.press('r')
    await expect.poll(() => openUnit().textContent()).toBe(summaries[2])
    await expect.poll(() => served.store.countsByStatus()).toMatchObject({ rejected: 1 })
    await page.keyboard.press('u')
    await expect.poll(() => openUnit().textContent()).toBe(summaries[1])
    await expect.poll(() => served.store.pendingCount()).toBe(11)
  })
})
