import { createHash, randomBytes } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { password, passwordHash, type ServedStore, serveStore } from '../server/served-store.ts'
import { eventually, faultsOf, logIn, noBrowser, pictures, useBrowser } from './browser.ts'

describe.skipIf(noBrowser)('signing in for a program', () => {
  const the = useBrowser()
  let served: ServedStore
  let program: Server
  /** The addresses that the program was called at. */
  const calls: string[] = []

  beforeAll(async () => {
    served = await serveStore({ server: { prefix: '/cq' } })
    await served.store.createUser('carol', passwordHash)
    program = createServer((request, answer) => {
      calls.push(request.url ?? '')
      answer.setHeader('content-type', 'text/html').end('<title>Done</title>You are signed in.')
    })
    await new Promise<void>((ready) => program.listen(0, '127.0.0.1', ready))
  })
  afterAll(async () => {
    program?.close()
    await served?.[Symbol.asyncDispose]()
  })

  const post = async (path: string, body: object) => {
    const answer = await fetch(`${served.url}/cq/api/v1${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    expect(answer.status).toBe(200)
    return (await answer.json()) as Record<string, string>
  }
  const me = (token = '') =>
    fetch(`${served.url}/cq/api/v1/users/me`, { headers: { authorization: `Bearer ${token}` } })

  test('leads from the page to the program, which gets a login', async () => {
    const verifier = randomBytes(48).toString('base64url')
    const { port } = program.address() as AddressInfo
    const { authorization_url = '' } = await post('/oauth/native/start', {
      provider: 'password',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      redirect_uri: `http://127.0.0.1:${port}/cb/abc`,
    })
    // Of the refused password.
    the.browser.expected.push(/401/)
    const page = await the.browser.open(authorization_url)
    await page.getByText('A program on this computer wants to sign in as you.').waitFor()
    await page.getByText(`127.0.0.1:${port}`).waitFor()
    await eventually(() => page.evaluate('document.activeElement.id')).toBe('username')
    expect(await faultsOf(page)).toEqual([])
    await page.screenshot({ path: join(pictures, 'sign-in-light.png') })

    await page.keyboard.type('carol')
    await page.keyboard.press('Tab')
    await page.keyboard.type('wrong')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').getByText('Invalid username or password').waitFor()
    expect(await page.getByLabel('User name').inputValue()).toBe('carol')
    expect(await page.getByLabel('Password').inputValue()).toBe('')
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.setViewportSize({ width: 390, height: 844 })
    expect(await faultsOf(page)).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390)
    await page.screenshot({ path: join(pictures, 'sign-in-wrong-390.png') })
    expect(calls).toEqual([])

    await page.getByLabel('Password').fill(password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('You are signed in.').waitFor()
    const called = calls.filter((path) => path.startsWith('/cb/'))
    expect(called).toEqual([expect.stringMatching(/^\/cb\/abc\?exchange_code=[\w-]{43}$/)])
    const exchange_code = called[0]?.split('=')[1] ?? ''
    const { access_token } = await post('/oauth/native/exchange', {
      exchange_code,
      code_verifier: verifier,
    })
    expect(await (await me(access_token)).json()).toMatchObject({ username: 'carol' })
  })

  test('ends on all devices by the account page, and on one by its logout', async () => {
    const page = await the.browser.open(`${served.url}/cq/ui/account`)
    await logIn(page, served, 'carol')
    await page.getByRole('heading', { name: 'Account' }).waitFor()
    const kept = () =>
      page.evaluate<string | undefined>("JSON.parse(localStorage.getItem('cq-session'))?.token")
    const status = async (token: string | undefined) => (await me(token)).status
    const { token: other } = await post('/auth/login', { username: 'carol', password })
    const first = await kept()
    await page.locator('main').getByRole('button', { name: 'Log out', exact: true }).click()
    await page.getByLabel('User name').waitFor()
    await eventually(() => status(first)).toBe(401)
    expect(await status(other)).toBe(200)

    await logIn(page, served, 'carol')
    await page.getByRole('button', { name: 'Log out on all devices' }).click()
    await page.getByLabel('User name').waitFor()
    expect(await status(other)).toBe(401)
    expect(await kept()).toBeUndefined()
  })
})
