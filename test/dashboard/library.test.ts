import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ReviewItemInput } from '../../src/store.ts'
import { type ServedStore, serveStore } from '../server/served-store.ts'
import { eventually, faultsOf, logIn, noBrowser, pictures, useBrowser } from './browser.ts'
import { Restartable } from './restartable.ts'

/** 300 approved, 40 pending and 10 rejected units, each a minute younger than the one before. */
const units = Array.from({ length: 350 }, (_, at): ReviewItemInput => {
  const time = new Date(Date.UTC(2026, 0, 1, 0, at)).toISOString()
  return {
    knowledge_unit: {
      id: `ku_${String(at).padStart(32, '0')}`,
      domains: [at % 7 === 0 ? 'postgres' : 'http', 'retries'],
      insight: { summary: `Unit number ${at}.`, detail: 'Why.', action: 'What to do.' },
      evidence: { first_observed: time, last_confirmed: time },
      created_by: at % 10 === 0 ? 'dora' : 'erik',
    },
    status: at < 300 ? 'approved' : at < 340 ? 'pending' : 'rejected',
    ...(at < 300 || at >= 340 ? { reviewed_by: 'frida' } : {}),
  }
})

describe.skipIf(noBrowser)('the library', () => {
  const the = useBrowser()
  let served: ServedStore
  let server: Restartable
  let page: Page

  beforeAll(async () => {
    served = await serveStore()
    await served.store.importUnits(units)
    server = new Restartable(served)
    await server.start()
    page = await the.browser.open(`${server.url}/ui/library`)
    await logIn(page, served, 'carol')
  })
  afterAll(async () => {
    await server?.stop()
    await served?.[Symbol.asyncDispose]()
  })

  const tabs = () => page.getByRole('navigation', { name: 'Status' }).getByRole('link')
  const rows = () => page.locator('.unit-table__row')
  const firstRow = () => rows().first().getByRole('link').textContent()
  const sums = () => page.locator('.library__count').textContent()
  const search = () => new URL(page.url()).search
  const open = (query: string) => page.goto(`${server.url}/ui/library${query}`)

  test('has a tab for each status, with how many units it has', async () => {
    await eventually(() => tabs().allTextContents()).toEqual([
      'All 350',
      'Pending 40',
      'Approved 300',
      'Rejected 10',
    ])
    await eventually(firstRow).toBe('Unit number 349.')
    await tabs().nth(1).click()
    await eventually(sums).toBe('40 units')
    await eventually(firstRow).toBe('Unit number 339.')
    expect(search()).toBe('?status=pending')
    expect(await tabs().nth(1).getAttribute('aria-current')).toBe('true')
    await page.goBack()
    await eventually(sums).toBe('350 units')
    expect(search()).toBe('')
  })

  test('goes to the end of all units by scrolling, and back to where one was', async () => {
    const scroller = page.getByRole('region', { name: 'Units that fit' })
    await rows().first().waitFor()
    const last = page.getByRole('link', { name: 'Unit number 0.' })
    await eventually(async () => {
      await scroller.evaluate((element) => element.scrollTo(0, element.scrollHeight))
      return last.count()
    }).toBe(1)
    await page.getByText('That is all of them.').waitFor()
    // What is out of sight is not rendered.
    expect(await rows().count()).toBeLessThan(100)
    const labels = rows().last()
    expect(await labels.getAttribute('aria-rowindex')).toBe('351')
    await last.click()
    await page.getByRole('heading', { name: 'Unit number 0.' }).waitFor()
    await page.getByRole('link', { name: 'Library' }).last().click()
    await last.waitFor()
    expect(await scroller.evaluate(({ scrollTop }) => scrollTop)).toBeGreaterThan(10_000)
  })

  test('filters by what is typed and chosen, and keeps that in the address', async () => {
    await open('')
    await page.getByLabel('Domain').fill('Postgres')
    await eventually(sums).toBe('50 units')
    expect(search()).toBe('?domain=postgres')
    await page.getByLabel('Proposer').fill('dora')
    await eventually(sums).toBe('5 units')
    await page.getByLabel('Text').fill('number 28')
    await eventually(sums).toBe('1 unit')
    await eventually(firstRow).toBe('Unit number 280.')
    expect(search()).toBe('?domain=postgres&proposer=dora&text=number+28')
    expect(await tabs().allTextContents()).toEqual([
      'All 1',
      'Pending 0',
      'Approved 1',
      'Rejected 0',
    ])
    await page.getByRole('button', { name: 'Clear filters' }).click()
    await eventually(sums).toBe('350 units')
    expect(await page.getByLabel('Domain').inputValue()).toBe('')
    expect(search()).toBe('')
  })

  test('reads filters and order from the address, and ignores what it cannot mean', async () => {
    await open('?order=oldest&proposer=dora&status=approved&tier=nonsense&confidence_min=9')
    await eventually(sums).toBe('30 units')
    await eventually(firstRow).toBe('Unit number 0.')
    expect(await page.getByLabel('Order').inputValue()).toBe('oldest')
    expect(await page.getByLabel('Proposer').inputValue()).toBe('dora')
    await page.getByLabel('Order').selectOption('newest')
    await eventually(firstRow).toBe('Unit number 290.')
    await eventually(search).toBe('?proposer=dora&status=approved')
  })

  test('says that nothing fits, and leads back to all units', async () => {
    await open('?text=nowhere')
    await page.getByText('No unit fits these filters').waitFor()
    await eventually(sums).toBe('0 units')
    await page.getByRole('button', { name: 'Show all units' }).click()
    await eventually(sums).toBe('350 units')
  })

  test('is accessible in light and dark', async () => {
    await open('')
    await rows().first().waitFor()
    await page.screenshot({ path: join(pictures, 'library-light.png') })
    expect(await faultsOf(page)).toEqual([])
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.screenshot({ path: join(pictures, 'library-dark.png') })
    expect(await faultsOf(page)).toEqual([])
    await page.emulateMedia({ colorScheme: 'light' })
  })

  test('shows cards on a telephone, without scrolling sideways', async () => {
    await page.setViewportSize({ width: 390, height: 844 })
    await page.locator('.unit-cards__card').first().waitFor()
    await page.screenshot({ path: join(pictures, 'library-390.png') })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390)
    expect(await faultsOf(page)).toEqual([])
    await page.setViewportSize({ width: 1280, height: 800 })
  })

  test('says that the server is away, and goes on when it is back at its address', async () => {
    the.browser.expected.push(/Failed to load resource|ERR_CONNECTION/)
    await open('?proposer=erik')
    await eventually(sums).toBe('315 units')
    await server.stop()
    await page.getByLabel('Proposer').fill('dora')
    await page.getByText('Units could not be loaded').waitFor()
    await page.getByText('The server cannot be reached.').first().waitFor()
    await page.screenshot({ path: join(pictures, 'library-away.png') })
    await page.getByRole('button', { name: 'Try again' }).click()
    await page.getByText('Units could not be loaded').waitFor()
    await server.start()
    await eventually(firstRow).toBe('Unit number 340.')
    await eventually(sums).toBe('35 units')
    expect(await page.getByText('The server cannot be reached.').count()).toBe(0)
  })
})
