import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { loadSampleUnits } from '../../src/cli/sample-units.ts'
import { serveStore } from '../server/served-store.ts'
import { logIn, noBrowser, pictures, useBrowser } from './browser.ts'

/** `CQ_TEST_PICTURES=1` makes the README's pictures anew. */
const folder = process.env.CQ_TEST_PICTURES ? join(import.meta.dirname, 'pictures') : pictures

describe.skipIf(noBrowser)('the pictures of the README', () => {
  const the = useBrowser()

  test('show the review and the library', async () => {
    await mkdir(folder, { recursive: true })
    await using served = await serveStore({ now: () => new Date('2026-11-26T09:00:00Z') })
    await loadSampleUnits(served.store, 'cq-store')
    const page = await the.browser.open(`${served.url}/ui/`)
    await logIn(page, served, 'carol')
    await page.getByRole('heading', { name: /actions\/checkout/ }).waitFor()
    await page.keyboard.press('j')
    await page.keyboard.press('j')
    await page.getByRole('heading', { name: /vi\.mock/ }).waitFor()
    await page.getByText('12 pending').waitFor()
    const review = await page.screenshot({ path: join(folder, 'review.png') })
    await page.getByRole('link', { name: 'Library' }).click()
    await page.getByText('42 units').first().waitFor()
    await page.getByRole('link', { name: /vi\.mock/ }).waitFor()
    const library = await page.screenshot({ path: join(folder, 'library.png') })
    expect(Math.min(review.length, library.length)).toBeGreaterThan(20_000)
  })
})
