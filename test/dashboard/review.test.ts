import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  loadSampleUnits,
  pendingSamples,
  samples,
  sampleUnits,
} from '../../src/cli/sample-units.ts'
import { createServer } from '../../src/server/index.ts'
import {
  apiKeyPepper,
  jwtSecret,
  password,
  passwordHash,
  type ServedStore,
  serveStore,
} from '../server/served-store.ts'
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

  test('undoes within the queue only what can be undone, and says so', async () => {
    await page.keyboard.press('u')
    await expect.poll(() => openUnit().textContent()).toBe(summaries[0])
    expect(await served.store.pendingCount()).toBe(12)
    await page.keyboard.press('u')
    await page.getByText('There is nothing to undo any more.').first().waitFor()
    await page.keyboard.press('a')
    await expect.poll(() => served.store.pendingCount()).toBe(11)
  })

  test('decides a selection after one question, and takes it back as a whole', async () => {
    await page.keyboard.press('x')
    await page.keyboard.press('J')
    await page.keyboard.press('J')
    await page.getByText('3 selected').waitFor()
    await page.keyboard.press('a')
    const dialog = page.getByRole('dialog', { name: 'Approve 3 units?' })
    await dialog.waitFor()
    expect(await served.store.pendingCount()).toBe(11)
    await page.screenshot({ path: join(pictures, 'review-bulk.png') })
    // Keys that decide do nothing while a dialog is open.
    await page.keyboard.press('r')
    await dialog.getByRole('button', { name: 'Approve 3 units' }).click()
    await expect.poll(() => served.store.pendingCount()).toBe(8)
    await page.getByRole('button', { name: 'Undo' }).click()
    await expect.poll(() => served.store.pendingCount()).toBe(11)
    await page.getByText('3 decisions undone.').first().waitFor()
  })

  test('searches and filters, and the address says what is shown', async () => {
    await page.keyboard.press('/')
    await page.keyboard.type('vi.mock')
    await expect.poll(() => openUnit().textContent()).toContain('vi.mock is hoisted')
    await expect.poll(() => new URL(page.url()).searchParams.get('text')).toBe('vi.mock')
    // What is typed into the field decides nothing.
    expect(await served.store.pendingCount()).toBe(11)
    await page.getByLabel('Search the queue').fill('nobody wrote this')
    await page.getByText('No pending unit fits these filters').waitFor()
    await page.getByRole('button', { name: 'Show all pending units' }).click()
    await page.getByText('11 pending').waitFor()
    await page.goto(`${served.url}/ui/review?proposer=web-agent&order=newest`)
    await expect.poll(() => page.getByRole('checkbox').count()).toBe(4)
    await page.goto(`${served.url}/ui/review`)
    await page.getByText('11 pending').waitFor()
  })

  test('shows at once what another reviewer decides, and keeps what is open', async () => {
    const other = await the.browser.open(`${served.url}/ui/`)
    await logIn(other, served, 'dora')
    const [first = '', second = ''] = summaries.slice(1)
    await expect.poll(() => openUnit().textContent()).toBe(first)
    await other.getByRole('button', { name: 'Approve A' }).click()
    await page.getByRole('status').filter({ hasText: 'Approved by dora.' }).waitFor()
    expect(await openUnit().textContent()).toBe(first)
    expect(await page.getByRole('button', { name: 'Approve A' }).count()).toBe(0)
    await page.keyboard.press('j')
    await expect.poll(() => openUnit().textContent()).toBe(second)
    await other.close()
  })

  test('says by whom a unit was decided, if somebody was faster', async () => {
    const [, , second = '', third = ''] = summaries
    const { items } = await served.store.browseUnits({ text: 'vi.mock' })
    await page.route('**/review/decisions?*', (route) => route.abort())
    the.browser.expected.push(/Failed to load resource/)
    await expect.poll(() => openUnit().textContent()).toBe(second)
    await served.store.decide(items[0]?.knowledge_unit.id ?? '', 'rejected', 'erin')
    await page.keyboard.press('a')
    await page.getByText('Not approved. Already rejected by erin.').first().waitFor()
    await expect.poll(() => openUnit().textContent()).toBe(third)
    await page.unroute('**/review/decisions?*')
  })

  test('brings a unit back, with the reason, if the server refuses', async () => {
    const [, , , third = ''] = summaries
    await expect.poll(() => openUnit().textContent()).toBe(third)
    await page.route('**/review/decisions', (route) =>
      route.request().method() === 'POST'
        ? route.fulfill({ status: 503, json: { detail: 'Too busy' } })
        : route.continue(),
    )
    const before = await served.store.pendingCount()
    await page.keyboard.press('a')
    await page.getByText('Not approved. Too busy').first().waitFor()
    await expect.poll(() => openUnit().textContent()).toBe(third)
    expect(await served.store.pendingCount()).toBe(before)
    await page.unroute('**/review/decisions')
  })

  test('tells of each unit of a selection that was not decided, and why', async () => {
    await page.route('**/review/decisions?*', (route) => route.abort())
    await page.keyboard.press('x')
    await page.keyboard.press('J')
    await page.getByText('2 selected').waitFor()
    const { items } = await served.store.browseUnits({ status: 'pending', order: 'oldest' })
    const [first, second] = items.map(({ knowledge_unit }) => knowledge_unit)
    await served.store.decide(second?.id ?? '', 'approved', 'erin')
    await page.keyboard.press('r')
    await page.getByRole('button', { name: 'Reject 2 units' }).click()
    const dialog = page.getByRole('dialog', { name: '1 rejected, 1 not' })
    await dialog.waitFor()
    const told = await dialog.getByRole('listitem').allTextContents()
    expect(told).toEqual([`${second?.insight.summary} Already approved by erin.`])
    expect((await served.store.getReviewStatus(first?.id ?? ''))?.status).toBe('rejected')
    expect(await faultsOf(page)).toEqual([])
    await dialog.getByRole('button', { name: 'Close' }).click()
    await page.unroute('**/review/decisions?*')
  })

  test('tells its keys, and the help closes again', async () => {
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: 'Keyboard' }).waitFor()
    expect(await faultsOf(page)).toEqual([])
    await page.keyboard.press('Escape')
    await expect.poll(() => page.getByRole('dialog').count()).toBe(0)
  })

  test('goes on to the real end of the queue, and only then says that all is reviewed', async () => {
    for (let left = await served.store.pendingCount(); left > 0; left--) {
      await page.keyboard.press('r')
      await expect.poll(() => served.store.pendingCount()).toBe(left - 1)
    }
    await page.getByText('All is reviewed').waitFor()
    expect(await faultsOf(page)).toEqual([])
  })
})

describe.skipIf(noBrowser)('the review on a phone', () => {
  const the = useBrowser()

  test('is list, then unit, by touch, and nothing is out of reach', async () => {
    await using served = await serveStore()
    await loadSampleUnits(served.store, 'cq-store')
    const phone = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }
    const page = await the.browser.open(`${served.url}/ui/`, phone)
    await logIn(page, served, 'carol')
    const row = page.getByRole('button', { name: /actions\/checkout/ })
    await row.waitFor()
    await page.screenshot({ path: join(pictures, 'review-phone-list.png') })
    expect(await faultsOf(page)).toEqual([])
    await row.tap()
    await page.getByRole('heading', { name: /actions\/checkout/ }).waitFor()
    await page.screenshot({ path: join(pictures, 'review-phone-unit.png') })
    expect(await faultsOf(page)).toEqual([])
    const isTooWide = () =>
      page.evaluate<boolean>(
        'document.documentElement.scrollWidth > document.documentElement.clientWidth',
      )
    expect(await isTooWide()).toBe(false)
    await page.getByRole('button', { name: 'Approve' }).tap()
    await expect.poll(() => served.store.pendingCount()).toBe(11)
    await page.getByRole('button', { name: 'Back to the queue' }).tap()
    await page.getByRole('button', { name: /PID 1/ }).waitFor()
    expect(await isTooWide()).toBe(false)
    await page.getByRole('button', { name: 'Log out' }).tap()
    await page.getByLabel('User name').waitFor()
  })
})

describe.skipIf(noBrowser)('the review of a server that fails', () => {
  const the = useBrowser()

  test('says so, and never that all is reviewed; then it goes on by itself', async () => {
    await using served = await serveStore()
    await loadSampleUnits(served.store, 'cq-store')
    const page = await the.browser.open(`${served.url}/ui/`)
    the.browser.expected.push(/Failed to load resource/)
    await page.route('**/review/browse*', (route) => route.abort())
    await logIn(page, served, 'carol')
    await page.getByText('The queue could not be loaded').waitFor()
    expect(await page.getByText('All is reviewed').count()).toBe(0)
    expect(await faultsOf(page)).toEqual([])
    await page.unroute('**/review/browse*')
    await page.getByRole('heading', { name: /actions\/checkout/ }).waitFor()
  })

  test('keeps what was decided while it was away from being lost, and goes on when it is back', async () => {
    await using served = await serveStore()
    await loadSampleUnits(served.store, 'cq-store')
    const secrets = { store: served.store, jwtSecret, apiKeyPepper }
    const before = await createServer(secrets)
    const url = await before.listen({ host: '127.0.0.1', port: 0 })
    const page = await the.browser.open(`${url}/ui/`)
    the.browser.expected.push(/Failed to load resource/)
    await logIn(page, served, 'carol')
    const first = page.getByRole('heading', { name: /actions\/checkout/ })
    await first.waitFor()
    await before.close()
    await page.keyboard.press('a')
    await page.getByText('Not approved. The server cannot be reached.').first().waitFor()
    await first.waitFor()
    const after = await createServer(secrets)
    await after.listen({ host: '127.0.0.1', port: Number(new URL(url).port) })
    try {
      // The page finds out by itself; until then a decision is refused and comes back.
      await expect
        .poll(async () => {
          await page.keyboard.press('a')
          return served.store.pendingCount()
        })
        .toBeLessThan(12)
    } finally {
      await page.context().close()
      await after.close()
    }
  })

  test('asks for the password again where the session has ended, and loses nothing', async () => {
    await using served = await serveStore()
    await loadSampleUnits(served.store, 'cq-store')
    const page = await the.browser.open(`${served.url}/ui/`)
    the.browser.expected.push(/401 \(Unauthorized\)/)
    await logIn(page, served, 'carol')
    await page.getByRole('heading', { name: /actions\/checkout/ }).waitFor()
    // A user who is another one by the same name has none of the sessions.
    await served.store.removeUser('carol')
    await served.store.createUser('carol', passwordHash)
    await page.keyboard.press('a')
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Password').fill(password)
    expect(await served.store.pendingCount()).toBe(12)
    await dialog.getByRole('button', { name: 'Log in' }).click()
    await expect.poll(() => served.store.pendingCount()).toBe(11)
  })
})
