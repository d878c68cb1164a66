import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadSampleUnits, sampleUnits } from '../../src/cli/sample-units.ts'
import { type ServedStore, serveStore } from '../server/served-store.ts'
import { eventually, faultsOf, logIn, noBrowser, pictures, useBrowser } from './browser.ts'

describe.skipIf(noBrowser)('insight', () => {
  const the = useBrowser()
  let served: ServedStore
  let empty: ServedStore
  let page: Page

  beforeAll(async () => {
    served = await serveStore()
    empty = await serveStore()
    await loadSampleUnits(served.store, 'cq-store')
    const [confirmed, flagged] = sampleUnits
    for (let times = 0; times < 3; times++) await served.store.confirm(confirmed?.id ?? '')
    await served.store.flag(flagged?.id ?? '', { reason: 'incorrect', detail: 'It is not so.' })
    page = await the.browser.open(`${served.url}/ui/insight`)
    await logIn(page, served, 'carol')
    await page.getByRole('heading', { name: 'Insight' }).waitFor()
  })
  afterAll(async () => {
    await served?.[Symbol.asyncDispose]()
    await empty?.[Symbol.asyncDispose]()
  })

  const panel = (title: string) =>
    page.locator('.panel', { has: page.getByRole('heading', { name: title, exact: true }) })
  const open = async (url: string) => {
    await page.goto(`${url}/ui/insight`)
    await page.getByRole('heading', { name: 'Insight' }).waitFor()
  }

  test('has tiles that lead to the units they count', async () => {
    const counts = await served.store.countsByStatus()
    const tile = (name: string) => page.locator('.tile', { hasText: name })
    await eventually(() => page.locator('.tile').allTextContents()).toContain(
      `Pending${counts.pending}`,
    )
    expect(await tile('Approved').textContent()).toBe(`Approved${counts.approved}`)
    expect(await tile('Rejected').textContent()).toBe('Rejected0')
    await eventually(() => tile('Oldest pending').textContent()).toMatch(
      /(ago|last week|yesterday|last month|last year)$/,
    )
    expect(await tile('Oldest pending').getAttribute('href')).toMatch(/^\/ui\/library\/ku_/)
    await tile('Approved').click()
    const count = page.locator('.library__count')
    await eventually(() => count.textContent()).toBe(`${counts.approved} units`)
    expect(new URL(page.url()).search).toBe('?status=approved')
  })

  test('draws proposals and decisions, which tables say, too', async () => {
    await open(served.url)
    for (const title of ['Proposals by day', 'Decisions by day']) {
      await panel(title).locator('canvas').waitFor()
      expect(await panel(title).getByRole('img').getAttribute('aria-label')).toMatch(/in all$/)
      await panel(title).getByText('Show as table').click()
      await eventually(() => panel(title).getByRole('row').count()).toBeGreaterThan(1)
    }
    const header = panel('Decisions by day').getByRole('columnheader')
    expect(await header.allTextContents()).toEqual(['Day', 'Approved', 'Rejected'])
  })

  test('finds domains', async () => {
    const name = Object.keys(await served.store.domainCounts()).find((one) => one.length > 4) ?? ''
    const bars = panel('Domains').locator('.bars__bar')
    await bars.first().waitFor()
    await panel('Domains').getByLabel('Search domains').fill(` ${name.toUpperCase()} `)
    await eventually(() => bars.first().getByRole('link').textContent()).toContain(name)
    await panel('Domains').getByLabel('Search domains').fill('nowhere at all')
    await panel('Domains').getByText('No domain fits.').waitFor()
    await panel('Domains').getByLabel('Search domains').fill(name)
    await bars.getByRole('link', { name, exact: true }).click()
    await eventually(() => new URL(page.url()).pathname).toBe('/ui/library')
    expect(new URL(page.url()).searchParams.get('domain')).toBe(name)
  })

  test('lists flagged and confirmed units, and leads to them', async () => {
    const [confirmed, flagged] = sampleUnits
    await open(served.url)
    const flags = panel('Flags that wait for somebody').getByRole('listitem')
    await eventually(() => flags.allTextContents()).toContain(`${flagged?.insight.summary}one flag`)
    const most = panel('Most confirmed').getByRole('listitem')
    expect(await most.allTextContents()).toContainEqual(
      expect.stringContaining(confirmed?.insight.summary ?? ''),
    )
    await panel('Longest without confirmation').waitFor()
    await flags.getByRole('link', { name: flagged?.insight.summary ?? '' }).click()
    await page.getByRole('heading', { name: flagged?.insight.summary ?? '' }).waitFor()
    await page.getByText('It is not so.').first().waitFor()
  })

  test('is accessible in light and dark, and fits a telephone', async () => {
    await open(served.url)
    await panel('Decisions by day').locator('canvas').waitFor()
    await panel('Most confirmed').waitFor()
    await page.screenshot({ path: join(pictures, 'insight-light.png'), fullPage: true })
    expect(await faultsOf(page)).toEqual([])
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.screenshot({ path: join(pictures, 'insight-dark.png'), fullPage: true })
    expect(await faultsOf(page)).toEqual([])
    await page.emulateMedia({ colorScheme: 'light' })
    await page.setViewportSize({ width: 390, height: 844 })
    await page.screenshot({ path: join(pictures, 'insight-390.png'), fullPage: true })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390)
    await page.setViewportSize({ width: 1280, height: 800 })
  })

  test('says that there is nothing, where there is no unit', async () => {
    await page.goto(`${empty.url}/ui/insight`)
    await logIn(page, empty, 'carol')
    await page.getByText('No flag waits.').waitFor()
    await eventually(() => page.locator('.tile').allTextContents()).toEqual([
      'Pending0',
      'Approved0',
      'Rejected0',
      'Oldest pendingnone waits',
    ])
    await page.screenshot({ path: join(pictures, 'insight-empty.png'), fullPage: true })
    expect(await faultsOf(page)).toEqual([])
  })
})
