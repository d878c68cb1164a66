import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadSampleUnits, pendingSamples } from '../../src/cli/sample-units.ts'
import { hashPassword } from '../../src/credentials/passwords.ts'
import { password, passwordHash, type ServedStore, serveStore } from '../server/served-store.ts'
import { eventually, faultsOf, logIn, noBrowser, pictures, useBrowser } from './browser.ts'
import { Restartable } from './restartable.ts'

describe.skipIf(noBrowser)('logging in', () => {
  const the = useBrowser()
  const unit = pendingSamples[0]
  let served: ServedStore
  let strict: ServedStore
  let server: Restartable
  let page: Page

  beforeAll(async () => {
    served = await serveStore()
    strict = await serveStore({ server: { loginFailures: 1 } })
    await loadSampleUnits(served.store, 'cq-store')
    await served.store.createUser('carol', passwordHash)
    await strict.store.createUser('carol', passwordHash)
    server = new Restartable(served)
    await server.start()
    page = await the.browser.open(`${server.url}/ui/library/${unit?.id}?from=mail`)
    // What the server refuses is what these tests are about.
    the.browser.expected.push(/Failed to load resource/)
  })
  afterAll(async () => {
    await server?.stop()
    await served?.[Symbol.asyncDispose]()
    await strict?.[Symbol.asyncDispose]()
  })

  const attempt = async (username: string, secret: string) => {
    await page.getByLabel('User name').fill(username)
    await page.getByLabel('Password').fill(secret)
    await page.getByRole('button', { name: 'Log in' }).click()
  }
  const fault = () => page.getByRole('alert').textContent()
  const dialog = () => page.getByRole('dialog', { name: 'Your session has ended' })

  test('is accessible in light and dark, and fits a telephone', async () => {
    await page.getByRole('heading', { name: 'Log in to cq' }).waitFor()
    await page.screenshot({ path: join(pictures, 'login-light.png') })
    expect(await faultsOf(page)).toEqual([])
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.screenshot({ path: join(pictures, 'login-dark.png') })
    expect(await faultsOf(page)).toEqual([])
    await page.emulateMedia({ colorScheme: 'light' })
    await page.setViewportSize({ width: 390, height: 844 })
    await page.screenshot({ path: join(pictures, 'login-390.png') })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390)
    await page.setViewportSize({ width: 1280, height: 800 })
  })

  test('says that the password is wrong, without saying whether the user exists', async () => {
    await attempt('carol', 'wrong')
    await eventually(fault).toBe('The user name or the password is wrong.')
    await attempt('nobody', 'wrong')
    await eventually(fault).toBe('The user name or the password is wrong.')
    expect(await page.getByLabel('User name').inputValue()).toBe('nobody')
  })

  test('says that the server is away, and works when it is back', async () => {
    await server.stop()
    await attempt('carol', password)
    await eventually(fault).toMatch(/^The server cannot be reached/)
    await server.start()
    await page.getByRole('button', { name: 'Log in' }).click()
    await page.getByRole('heading', { name: unit?.insight.summary ?? '' }).waitFor()
  })

  test('leads to the address that was opened before', () => {
    expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe(
      `/ui/library/${unit?.id}?from=mail`,
    )
  })

  test('asks for the password over the page when the session has ended, and nothing typed is lost', async () => {
    await page.getByRole('button', { name: 'Edit', exact: true }).click()
    await page.getByLabel('What to do').fill('What I typed before the session ended.')
    // The same password, hashed anew, ends sessions just as another does.
    await served.store.setPassword('carol', await hashPassword(password))
    await page.getByRole('button', { name: 'Save' }).click()
    await dialog().waitFor()
    expect(await dialog().getByLabel('User name').inputValue()).toBe('carol')
    expect(await dialog().getByLabel('User name').isEditable()).toBe(false)
    await page.screenshot({ path: join(pictures, 'login-expired.png') })
    expect(await faultsOf(page)).toEqual([])
    await dialog().getByLabel('Password').fill('wrong')
    await dialog().getByRole('button', { name: 'Log in' }).click()
    await dialog().getByText('The user name or the password is wrong.').waitFor()
    expect(await page.getByLabel('What to do').inputValue()).toBe(
      'What I typed before the session ended.',
    )
    await dialog().getByLabel('Password').fill(password)
    await dialog().getByRole('button', { name: 'Log in' }).click()
    // What waited is done now.
    await page.getByText('What I typed before the session ended.').waitFor()
    await eventually(() => dialog().count()).toBe(0)
    const stored = await served.store.getAny(unit?.id ?? '')
    expect(stored?.insight.action).toBe('What I typed before the session ended.')
  })

  test('is undone by logging out, which leaves nothing in the browser', async () => {
    await page.getByRole('button', { name: 'Log out' }).click()
    await page.getByRole('heading', { name: 'Log in to cq' }).waitFor()
    expect(await page.evaluate('localStorage.length + sessionStorage.length')).toBe(0)
    await page.reload()
    await page.getByRole('heading', { name: 'Log in to cq' }).waitFor()
    await logIn(page, served, 'carol')
    await page.getByRole('heading', { name: unit?.insight.summary ?? '' }).waitFor()
  })

  test('has to wait after too many attempts, and is told how long', async () => {
    await page.goto(`${strict.url}/ui/`)
    await attempt('carol', 'wrong')
    await eventually(fault).toBe('The user name or the password is wrong.')
    await attempt('carol', 'wrong')
    await eventually(fault).toBe('Too many attempts.')
    await page.getByText(/^You can try again in (\d+ s|1 min \d\d s)\.$/).waitFor()
    expect(await page.getByRole('button', { name: 'Log in' }).isDisabled()).toBe(true)
    await page.screenshot({ path: join(pictures, 'login-wait.png') })
  })
})
