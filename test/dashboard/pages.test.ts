import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadSampleUnits } from '../../src/cli/sample-units.ts'
import { passwordHash, type ServedStore, serveStore } from '../server/served-store.ts'
import { sampleUnit, unitId } from '../store/samples.ts'
import { faultsOf, logIn, noBrowser, pictures, useBrowser } from './browser.ts'

const observed = (number: number) => new Date(Date.parse('2026-11-20T12:00:00Z') + number * 1_000)

/** No fault of axe, in light, dark and on a phone, where nothing is wider than the screen. */
async function expectSound(page: Page, name: string): Promise<void> {
  for (const scheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: scheme })
    expect(await faultsOf(page), `${name}, ${scheme}`).toEqual([])
    await page.screenshot({ path: join(pictures, `${name}-${scheme}.png`) })
  }
  await page.emulateMedia({ colorScheme: 'light' })
  await page.setViewportSize({ width: 390, height: 844 })
  expect(
    await page.evaluate<number>(
      'document.documentElement.scrollWidth - document.documentElement.clientWidth',
    ),
    `${name}, width`,
  ).toBe(0)
  expect(await faultsOf(page), `${name}, phone`).toEqual([])
  await page.screenshot({ path: join(pictures, `${name}-phone.png`) })
  await page.setViewportSize({ width: 1280, height: 800 })
}

describe.skipIf(noBrowser)('the pages of the dashboard', () => {
  const the = useBrowser()
  let served: ServedStore
  let page: Page
  const open = (path: string) => page.goto(`${served.url}/ui/${path}`)

  beforeAll(async () => {
    served = await serveStore({ server: { loginFailures: 2 } })
    await loadSampleUnits(served.store, 'cq-store')
    await served.login('carol')
    page = await the.browser.open(`${served.url}/ui/library/${unitId(1)}`)
  })
  afterAll(() => served?.[Symbol.asyncDispose]())

  test('ask for a login, say what is wrong with it, and lead where one wanted to go', async () => {
    the.browser.expected.push(/(401|404|429) \(/)
    await expectSound(page, 'login')
    const enter = async (password: string) => {
      await page.getByLabel('User name').fill('mallory')
      await page.getByLabel('Password').fill(password)
      await page.keyboard.press('Enter')
    }
    for (const password of ['wrong', 'wrong again']) {
      await enter(password)
      await page.getByText('The user name or the password is wrong.').waitFor()
      await page.getByLabel('User name').fill('')
    }
    await enter('and again')
    await page.getByText('Too many attempts.').waitFor()
    await page.getByText(/You can try again in \d+ s\./).waitFor()
    expect(await page.getByRole('button', { name: 'Log in' }).isDisabled()).toBe(true)
    expect(await faultsOf(page)).toEqual([])
    await page.reload()
    await logIn(page, served, 'carol')
    await page.getByText('There is no such unit').waitFor()
    expect(await faultsOf(page)).toEqual([])
  })

  test('the library has every unit, by any filter, in an address, to its end', async () => {
    await served.store.insertMany(
      Array.from({ length: 260 }, (_, number) =>
        sampleUnit(unitId(1_000 + number), observed(number), {
          domains: ['bulk'],
          created_by: number === 0 ? 'zoe' : 'yan',
        }),
      ),
    )
    await open('library?domain=bulk&order=oldest')
    await page.getByText('260 units').first().waitFor()
    await page
      .getByText(`Summary of ${unitId(1_000)}`)
      .first()
      .waitFor()
    await expectSound(page, 'library')
    const last = page.getByText(`Summary of ${unitId(1_259)}`).first()
    await expect
      .poll(async () => {
        await page.evaluate('document.querySelector(".library__scroller").scrollTop += 5000')
        return last.count()
      })
      .toBeGreaterThan(0)
    await page.getByText('That is all of them.').waitFor()
    await page.getByLabel('Proposer').fill('zoe')
    await page.getByText('1 unit', { exact: true }).first().waitFor()
    expect(new URL(page.url()).searchParams.get('proposer')).toBe('zoe')
    await page.getByLabel('Text').fill('nobody wrote this')
    await page.getByText('No unit fits these filters').waitFor()
    expect(await faultsOf(page)).toEqual([])
    await page.getByRole('link', { name: /^Approved/ }).click()
    expect(new URL(page.url()).searchParams.get('status')).toBe('approved')
  })

  test('a unit is decided anew, edited, and its history tells so', async () => {
    const unit = sampleUnit(unitId(2), observed(1), {
      domains: ['edited'],
      created_by: 'ann',
      insight: { detail: 'Long. '.repeat(1_300) },
    })
    await served.store.insert(unit)
    await served.store.decide(unit.id, 'approved', 'bob')
    await served.store.flag(unit.id, { reason: 'stale', detail: 'It is old.' })
    await open(`library/${unit.id}`)
    await page.getByRole('button', { name: 'Reject after all' }).click()
    await expect
      .poll(() => served.store.getReviewStatus(unit.id))
      .toMatchObject({ status: 'rejected', reviewed_by: 'carol' })
    await page.getByRole('button', { name: 'Approve after all' }).click()
    await page.getByRole('button', { name: 'Reject after all' }).waitFor()
    await expectSound(page, 'unit')

    await page.getByRole('button', { name: 'Edit' }).click()
    await expectSound(page, 'edit')
    await page.getByLabel('Summary').fill('A better summary')
    await page.getByLabel('Domains').fill('edited, Second')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { name: 'A better summary' }).waitFor()
    expect((await served.store.getAny(unit.id))?.domains).toEqual(['edited', 'second'])
    await page.getByText('It is old.').first().waitFor()
    await page
      .getByText(/rejected by carol/)
      .first()
      .waitFor()
  })

  test('an edit that came too late is kept beside the newer version', async () => {
    await page.getByRole('button', { name: 'Edit' }).click()
    await page.getByLabel('Summary').fill('Mine')
    const theirs = { insight: { summary: 'Theirs' } }
    await served.store.editUnit(unitId(2), theirs, { editedBy: 'dora' })
    the.browser.expected.push(/409 \(Conflict\)/)
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByText('This unit was changed while you were typing').waitFor()
    expect(await faultsOf(page)).toEqual([])
    expect(await page.getByLabel('Summary').inputValue()).toBe('Mine')
    await page.getByRole('button', { name: 'Keep mine, and go on editing' }).click()
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { name: 'Mine' }).waitFor()
    expect((await served.store.getAny(unitId(2)))?.insight.summary).toBe('Mine')
  })

  test('a unit is removed for good after a confirmation, and gone from everywhere', async () => {
    await page.getByRole('button', { name: 'Remove...' }).click()
    const dialog = page.getByRole('dialog', { name: 'Remove this unit for good?' })
    const remove = dialog.getByRole('button', { name: 'Remove for good' })
    expect(await remove.isDisabled()).toBe(true)
    expect(await faultsOf(page)).toEqual([])
    const label = (await dialog.getByText(/^Type .* to confirm$/).textContent()) ?? ''
    await dialog.getByRole('textbox').fill(label.split(' ')[1] ?? '')
    await remove.click()
    await page.getByText('Removed for good.').first().waitFor()
    expect(await served.store.getAny(unitId(2))).toBeNull()
    expect(new URL(page.url()).pathname).toBe('/ui/library')
  })

  test('insight has plots with tables behind them, and lists that lead to units', async () => {
    const approved = unitId(3)
    await served.store.insert(sampleUnit(approved, observed(2), { domains: ['flagged'] }))
    await served.store.decide(approved, 'approved', 'bob')
    await served.store.flag(approved, { reason: 'incorrect' })
    await open('insight')
    await page.getByRole('heading', { name: 'Proposals by day' }).waitFor()
    const table = page.getByText('Show as table').first()
    await table.click()
    await page.getByRole('table').first().waitFor()
    await page.getByPlaceholder('Search domains').fill('flagg')
    await page.getByText('flagged', { exact: true }).first().waitFor()
    await page.locator('canvas').first().waitFor()
    await expectSound(page, 'insight')
    await page
      .getByRole('link', { name: new RegExp(`Summary of ${approved}`) })
      .first()
      .click()
    await page.getByRole('heading', { name: `Summary of ${approved}` }).waitFor()
  })

  test('API keys are made, shown once and revoked', async () => {
    await open('account')
    await page.getByRole('button', { name: 'New key' }).click()
    const dialog = page.getByRole('dialog', { name: 'New API key' })
    await dialog.getByLabel('Name').fill('laptop')
    expect(await faultsOf(page)).toEqual([])
    await dialog.getByRole('button', { name: 'Create' }).click()
    const shown = page.getByRole('dialog', { name: 'Copy the key now' })
    const token = (await shown.getByText(/^\s*cqa\.v1\./).textContent())?.trim() ?? ''
    // A stray Escape does not lose it.
    await page.keyboard.press('Escape')
    expect(await faultsOf(page)).toEqual([])
    await shown.getByRole('button', { name: 'I have kept it' }).click()
    const proposal = { domains: ['d'], insight: { summary: 's', detail: 'd', action: 'a' } }
    const propose = () => served.send('POST', '/api/v1/knowledge', token, proposal)
    expect((await propose()).status).toBe(201)
    expect(await page.getByText(token).count()).toBe(0)
    await expectSound(page, 'account')
    await page.getByRole('button', { name: 'Revoke laptop' }).click()
    await page
      .getByRole('dialog')
      .getByRole('button', { name: /^Revoke/ })
      .click()
    await page.getByText('laptop is revoked.').first().waitFor()
    expect((await propose()).status).toBe(401)
    await open('connect')
    await page.getByText(served.url, { exact: true }).waitFor()
    await expectSound(page, 'connect')
  })

  test('members may only look', async () => {
    await served.store.setRole('carol', 'member')
    const id = unitId(3)
    await open(`library/${id}`)
    await page.getByText('You may look; reviewers decide.').waitFor()
    expect(await page.getByRole('button', { name: /Reject|Edit|Remove|Re-open/ }).count()).toBe(0)
    await open('review')
    await page.getByText('You may look; reviewers and admins decide.').waitFor()
    const before = await served.store.pendingCount()
    await page.keyboard.press('a')
    await page.keyboard.press('r')
    expect(await page.getByRole('checkbox').count()).toBe(0)
    await page.getByRole('link', { name: 'Insight' }).click()
    await page.getByRole('heading', { name: 'Insight', exact: true }).waitFor()
    expect(await served.store.pendingCount()).toBe(before)
    await served.store.setRole('carol', null)
  })

  test('there is a page for addresses that lead nowhere, and logging out ends the session', async () => {
    await open('nowhere')
    await page.getByText('There is nothing here').waitFor()
    expect(await faultsOf(page)).toEqual([])
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByLabel('User name').waitFor()
    expect(await page.evaluate('localStorage.length')).toBe(0)
  })
})

describe.skipIf(noBrowser)('the dashboard under a prefix', () => {
  const the = useBrowser()

  test('works at every address of its own', async () => {
    await using served = await serveStore({ server: { prefix: '/team/cq' } })
    await loadSampleUnits(served.store, 'cq-store')
    const page = await the.browser.open(`${served.url}/team/cq`)
    await served.store.createUser('carol', passwordHash)
    await logIn(page, served, 'carol')
    await page.getByRole('heading', { name: /actions\/checkout/ }).waitFor()
    await page.getByRole('link', { name: 'Library' }).click()
    await page
      .getByRole('link', { name: /vi\.mock/ })
      .first()
      .click()
    await page.getByRole('heading', { name: /vi\.mock/ }).waitFor()
    await page.reload()
    await page.getByRole('heading', { name: /vi\.mock/ }).waitFor()
    await page.goto(`${served.url}/team/cq/ui/connect`)
    await page.getByText(`${served.url}/team/cq`, { exact: true }).waitFor()
  })

  test('has sessions of its own where other servers share its origin', async () => {
    await using served = await serveStore({ server: { prefix: '/one' } })
    await using other = await serveStore({ server: { prefix: '/two' } })
    const page = await the.browser.open(`${served.url}/one/ui/`)
    await page.route(`${served.url}/two/**`, async (route) => {
      const url = route.request().url().replace(served.url, other.url)
      await route.fulfill({ response: await route.fetch({ url }) })
    })
    await logIn(page, served, 'carol')
    await page.getByText('All is reviewed').waitFor()
    await page.goto(`${served.url}/two/ui/`)
    await logIn(page, other, 'dora')
    await page.getByText('All is reviewed').waitFor()
    await page.goto(`${served.url}/one/ui/`)
    await page.getByText('All is reviewed').waitFor()
    await page.unrouteAll({ behavior: 'ignoreErrors' })
  })
})
