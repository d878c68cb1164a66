import { join } from 'node:path'
import type { Dialog, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { KnowledgeUnitInput } from '../../src/knowledge/records.ts'
import { type ServedStore, serveStore } from '../server/served-store.ts'
import { eventually, faultsOf, logIn, noBrowser, pictures, useBrowser } from './browser.ts'

const time = '2026-01-01T00:00:00.000000Z'
const idOf = (at: number) => `ku_${String(at).padStart(32, '0')}`

function unitOf(at: number, others: Partial<KnowledgeUnitInput> = {}): KnowledgeUnitInput {
  return {
    id: idOf(at),
    domains: ['http', 'retries'],
    insight: { summary: `Unit number ${at}.`, detail: 'Because of *this*.', action: 'Do `that`.' },
    evidence: { first_observed: time, last_confirmed: time },
    created_by: 'dora',
    ...others,
  }
}

/** What would run or be asked for, if the page took any of it for more than text. */
const hostile = [
  '<img src=x onerror="globalThis.ran=1">',
  '<script>globalThis.ran=1</script>',
  '<svg onload=globalThis.ran=1></svg>',
  '[click](javascript:globalThis.ran=1)',
  '![picture](http://127.0.0.1:9/x.png)',
  '<http://127.0.0.1:9/y>',
].join(' ')
/** Whether an element is where one sees it. */
const inView = (selector: string) =>
  `(({ top, bottom }) => top >= 48 && bottom <= innerHeight)(document.querySelector('${selector}').getBoundingClientRect())`

const short = '<img src=x onerror="globalThis.ran=1">'

describe.skipIf(noBrowser)('the page of a unit', () => {
  const the = useBrowser()
  let served: ServedStore
  let page: Page
  const requested: string[] = []

  beforeAll(async () => {
    served = await serveStore()
    page = await the.browser.open(`${served.url}/ui/library`)
    page.on('request', (request) => requested.push(request.url()))
    await logIn(page, served, 'carol')
    await page.getByText('No unit has been proposed yet').waitFor()
    // From now on, what one may do depends on a role.
    await served.store.setRole('carol', 'admin')
  })
  afterAll(() => served?.[Symbol.asyncDispose]())

  const open = (id: string) => page.goto(`${served.url}/ui/library/${id}`)
  const button = (name: string) => page.getByRole('button', { name, exact: true })
  const dialog = () => page.getByRole('dialog')
  const moments = () => page.locator('.timeline__moment > p')
  const toast = (text: string) => page.locator('.toast', { hasText: text }).waitFor()
  const status = async (id: string) => (await served.store.getReviewStatus(id))?.status

  test('decides, revises and re-opens by what the status is', async () => {
    await served.store.insert(unitOf(1))
    await open(idOf(1))
    await page.getByRole('heading', { level: 1, name: 'Unit number 1.' }).waitFor()
    await button('Approve').click()
    await button('Reject after all').waitFor()
    expect(await status(idOf(1))).toBe('approved')
    expect(await button('Approve').count()).toBe(0)
    await button('Reject after all').click()
    await button('Approve after all').waitFor()
    expect(await status(idOf(1))).toBe('rejected')
    await button('Re-open').click()
    await button('Reject').waitFor()
    expect(await status(idOf(1))).toBe('pending')
    await button('Reject').click()
    await button('Re-open').waitFor()
    expect(await status(idOf(1))).toBe('rejected')
  })

  test('tells all that befell a unit, the latest first', async () => {
    await served.store.setReviewStatus(idOf(1), 'approved', 'frida')
    await served.store.confirm(idOf(1))
    await served.store.flag(idOf(1), {
      reason: 'duplicate',
      duplicate_of: idOf(2),
      detail: 'The same.',
    })
    await open(idOf(1))
    await eventually(() => moments().count()).toBeGreaterThanOrEqual(6)
    const told = await moments().allTextContents()
    expect(told[0]).toContain('Flagged as duplicate of ku_00000000...')
    expect(told.find((one) => one.startsWith('Confirmed for the 1st time'))).toBeDefined()
    expect(told.find((one) => one.startsWith('Re-opened by carol'))).toBeDefined()
    expect(told.find((one) => one.startsWith('Decision revised by carol'))).toBeDefined()
    expect(told.find((one) => one.startsWith('Approved by frida'))).toBeDefined()
    expect(told.at(-1)).toContain('Proposed by dora')
    await page.screenshot({ path: join(pictures, 'unit-light.png'), fullPage: true })
    expect(await faultsOf(page)).toEqual([])
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.screenshot({ path: join(pictures, 'unit-dark.png'), fullPage: true })
    expect(await faultsOf(page)).toEqual([])
    await page.emulateMedia({ colorScheme: 'light' })
  })

  test('says so if somebody else was faster', async () => {
    await served.store.insert(unitOf(3))
    await open(idOf(3))
    await button('Approve').waitFor()
    await served.store.setReviewStatus(idOf(3), 'rejected', 'frida')
    await button('Approve').click()
    await toast('frida was faster. It is rejected now.')
    await button('Approve after all').waitFor()
    expect(await status(idOf(3))).toBe('rejected')
  })

  test('saves what is edited, and asks before it is lost', async () => {
    await served.store.insert(unitOf(4))
    await page.goto(`${served.url}/ui/library`)
    await page.getByRole('link', { name: 'Unit number 4.' }).click()
    await button('Edit').click()
    await page.getByLabel('Summary').fill('Unit number four.')
    await page.getByLabel('Domains').fill('HTTP, Backoff, http')
    const asked: string[] = []
    const stay = (question: Dialog) => {
      asked.push(question.message())
      void question.dismiss()
    }
    page.on('dialog', stay)
    await page.getByRole('link', { name: 'Insight' }).click()
    await eventually(() => asked).toHaveLength(1)
    await page.goBack().catch(() => {})
    await eventually(() => asked).toHaveLength(2)
    await button('Cancel').click()
    await eventually(() => asked).toHaveLength(3)
    page.off('dialog', stay)
    expect(await page.getByLabel('Summary').inputValue()).toBe('Unit number four.')
    expect(new URL(page.url()).pathname).toBe(`/ui/library/${idOf(4)}`)
    await page.screenshot({ path: join(pictures, 'unit-edit.png'), fullPage: true })
    expect(await faultsOf(page)).toEqual([])
    await button('Save').click()
    await toast('Saved.')
    await page.getByRole('heading', { name: 'Unit number four.' }).waitFor()
    await eventually(() => moments().allTextContents()).toContainEqual(
      expect.stringContaining('Edited by carol'),
    )
    expect((await served.store.getAny(idOf(4)))?.domains).toEqual(['http', 'backoff'])
  })

  test('says what cannot be saved, and why the server refuses', async () => {
    await served.store.insert(unitOf(5))
    await open(idOf(5))
    await button('Edit').click()
    await page.getByLabel('Summary').fill('s'.repeat(501))
    await page.getByText('At most 500 characters, these are 501.').waitFor()
    await button('Save').click()
    await eventually(() =>
      page.evaluate('document.activeElement.getAttribute("aria-invalid")'),
    ).toBe('true')
    await page.getByLabel('Summary').fill('Short enough.')
    the.browser.expected.push(/status of 422/)
    await page.route('**/api/v1/review/ku_*', (route) =>
      route.request().method() === 'PATCH'
        ? route.fulfill({
            status: 422,
            json: {
              detail: [
                { type: 'value_error', loc: ['body', 'insight', 'summary'], msg: 'too odd' },
              ],
            },
          })
        : route.continue(),
    )
    await button('Save').click()
    await page.getByText('insight.summary: too odd What you have typed is kept.').waitFor()
    expect(await page.getByLabel('Summary').inputValue()).toBe('Short enough.')
    await page.unroute('**/api/v1/review/ku_*')
    await button('Save').click()
    await page.getByRole('heading', { name: 'Short enough.' }).waitFor()
  })

  test('shows what was saved meanwhile beside what was typed', async () => {
    await served.store.insert(unitOf(6))
    the.browser.expected.push(/status of 409/)
    await open(idOf(6))
    await button('Edit').click()
    await page.getByLabel('What to do').fill('Do what I say.')
    await served.store.editUnit(
      idOf(6),
      { insight: { action: 'Do what frida says.' } },
      { editedBy: 'frida' },
    )
    await button('Save').click()
    await page.getByText('This unit was changed while you were typing').waitFor()
    await page.getByText('Do what frida says.').waitFor()
    expect(await page.getByLabel('What to do').inputValue()).toBe('Do what I say.')
    await eventually(() => page.evaluate(inView('.conflict__title'))).toBe(true)
    await page.screenshot({ path: join(pictures, 'unit-conflict.png') })
    expect(await faultsOf(page)).toEqual([])
    await button('Keep mine, and go on editing').click()
    await button('Save').click()
    await toast('Saved.')
    expect((await served.store.getAny(idOf(6)))?.insight.action).toBe('Do what I say.')
  })

  test('removes a unit once its id is typed', async () => {
    await served.store.insert(unitOf(7))
    await open(idOf(7))
    await button('Remove...').click()
    const remove = dialog().getByRole('button', { name: 'Remove for good' })
    expect(await remove.isDisabled()).toBe(true)
    await dialog().getByLabel('Type ku_0000 to confirm').fill('ku_1111')
    expect(await remove.isDisabled()).toBe(true)
    await dialog().getByLabel('Type ku_0000 to confirm').fill('ku_0000')
    expect(await faultsOf(page)).toEqual([])
    await page.screenshot({ path: join(pictures, 'unit-removal.png') })
    await remove.click()
    await toast('Removed for good.')
    await eventually(() => new URL(page.url()).pathname).toBe('/ui/library')
    expect(await served.store.getAny(idOf(7))).toBeNull()
  })

  test('says that there is no such unit', async () => {
    the.browser.expected.push(/status of 4(04|22)/)
    await open(idOf(7))
    await page.getByText('There is no such unit').waitFor()
    await open('nonsense')
    await page.getByText('There is no such unit').waitFor()
    expect(await faultsOf(page)).toEqual([])
    await page.goto(`${served.url}/ui/nowhere`)
    await page.getByText('There is no such page').waitFor()
  })

  test('runs nothing and asks for nothing, whatever a unit says', async () => {
    await served.store.insert(
      unitOf(8, {
        domains: [short, 'http'],
        insight: { summary: hostile, detail: `${hostile}\n\n${hostile}`, action: hostile },
        context: { languages: [short], frameworks: [short], pattern: hostile.slice(0, 200) },
        created_by: hostile.slice(0, 250),
        extensions: { 'vendor:key': { [short]: hostile } },
        flags: [{ reason: 'incorrect', timestamp: time, detail: hostile, duplicate_of: null }],
      }),
    )
    requested.length = 0
    await page.goto(`${served.url}/ui/library`)
    await page.locator('.unit-table__row').first().waitFor()
    await page.goto(`${served.url}/ui/review`)
    await page.getByRole('heading', { level: 1 }).first().waitFor()
    await page.goto(`${served.url}/ui/insight`)
    await page.locator('.bars__bar').first().waitFor()
    await open(idOf(8))
    const article = page.getByRole('article', { name: 'Unit' })
    await eventually(() => article.getByRole('heading', { level: 1 }).textContent()).toBe(hostile)
    const texts = await article.locator('.unit-text').allTextContents()
    expect(texts.length).toBeGreaterThanOrEqual(3)
    for (const text of texts)
      for (const part of hostile.split(' <')) expect(text).toContain(part.replace(/^</, ''))
    expect(await article.textContent()).toContain(hostile.slice(0, 250))
    expect(await article.locator('img, script, iframe, object, form').count()).toBe(0)
    const links = await article
      .locator('a')
      .evaluateAll((all) => all.map((one) => one.getAttribute('href') ?? ''))
    for (const link of links) expect(link).toMatch(/^\/ui\//)
    await button('Edit').click()
    expect(await page.getByLabel('Summary').inputValue()).toBe(hostile)
    await page.getByLabel('Summary').fill('Another.')
    the.browser.expected.push(/status of 409/)
    await served.store.editUnit(idOf(8), { domains: ['http'] }, { editedBy: short })
    await button('Save').click()
    await page.getByText('This unit was changed while you were typing').waitFor()
    await button('Take the newer version').click()
    await button('Cancel').click()
    await eventually(() => moments().allTextContents()).toContainEqual(
      expect.stringContaining(`Edited by ${short}`),
    )
    expect(await page.evaluate('typeof ran')).toBe('undefined')
    expect(requested.filter((url) => !url.startsWith(served.url))).toEqual([])
    expect(requested.filter((url) => /\/x(\.png)?$/.test(url))).toEqual([])
  })

  test('shows right-to-left text, and the longest text, on any screen', async () => {
    const detail = `${'word '.repeat(1_000)}${'w'.repeat(3_000)}`
    await served.store.insert(
      unitOf(9, {
        domains: ['ש'.repeat(64)],
        insight: { summary: 'שלום עולם (HTTP 429)', detail, action: 'w'.repeat(2_000) },
        context: { pattern: 'p'.repeat(200) },
        created_by: 'c'.repeat(256),
      }),
    )
    await open(idOf(9))
    const heading = page.getByRole('heading', { level: 1, name: 'שלום' })
    await heading.waitFor()
    expect(await heading.evaluate((element) => element.matches(':dir(rtl)'))).toBe(true)
    expect((await page.locator('.unit-text').nth(1).textContent())?.trim()).toBe(detail)
    await page.setViewportSize({ width: 390, height: 844 })
    await page.screenshot({ path: join(pictures, 'unit-390.png') })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390)
    expect(await page.evaluate('document.querySelector("main").scrollWidth')).toBe(390)
    expect(await faultsOf(page)).toEqual([])
    await page.setViewportSize({ width: 1280, height: 800 })
  })

  test('lets members look only, and reviewers not decide their own proposals', async () => {
    await served.store.insert(unitOf(10, { created_by: 'carol' }))
    await served.store.createUser('frida', 'none')
    await served.store.setRole('frida', 'admin')
    await served.store.setRole('carol', 'reviewer')
    await open(idOf(10))
    await page.getByText('You proposed this unit, so that another reviewer decides.').waitFor()
    expect(await button('Approve').count()).toBe(0)
    expect(await button('Edit').count()).toBe(0)
    await open(idOf(4))
    await button('Approve').waitFor()
    expect(await button('Remove...').count()).toBe(0)
    await served.store.setRole('carol', 'member')
    await page.reload()
    await page.getByText('You may look; reviewers decide.').waitFor()
    expect(await button('Approve').count()).toBe(0)
    expect(await button('Edit').count()).toBe(0)
    expect(await button('Remove...').count()).toBe(0)
    await button('Copy id').waitFor()
  })
})
