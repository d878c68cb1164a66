import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadSampleUnits } from '../../src/cli/sample-units.ts'
import { passwordHash, type ServedStore, serveStore } from '../server/served-store.ts'
import { unitId } from '../store/samples.ts'
import { faultsOf, logIn, noBrowser, pictures, useBrowser } from './browser.ts'

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

  test('members may only look', async () => {
    await served.store.setRole('carol', 'member')
    const [unit] = (await served.store.browseUnits({ status: 'pending', limit: 1 })).items
    await open(`library/${unit?.knowledge_unit.id}`)
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
