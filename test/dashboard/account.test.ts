import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type ServedStore, serveStore } from '../server/served-store.ts'
import { eventually, faultsOf, logIn, noBrowser, pictures, useBrowser } from './browser.ts'

describe.skipIf(noBrowser)('the account', () => {
  const the = useBrowser()
  let served: ServedStore
  let page: Page

  beforeAll(async () => {
    served = await serveStore({ server: { prefix: '/cq' } })
    page = await the.browser.open(`${served.url}/cq/ui/account`, {
      permissions: ['clipboard-read', 'clipboard-write'],
    })
    await logIn(page, served, 'carol')
  })
  afterAll(() => served?.[Symbol.asyncDispose]())

  const keys = () => page.locator('.keys__key')
  const dialog = () => page.getByRole('dialog')
  const copied = () => page.evaluate<string>('navigator.clipboard.readText()')
  const create = async (name: string, labels = '') => {
    await page.getByRole('button', { name: 'New key' }).click()
    await dialog().getByLabel('Name').fill(name)
    await dialog().getByLabel('Labels').fill(labels)
    await dialog().getByRole('button', { name: 'Create' }).click()
  }
  const hostile = '<img src=x onerror="ran=1"><script>ran=1</script>'

  test('says who is logged in, what they may do, and that there is no key yet', async () => {
    await page.getByText('carol, admin: may decide, edit and remove units').waitFor()
    await page.getByText('No keys yet').waitFor()
  })

  test('creates a key, whose token is shown once and copied', async () => {
    await create('laptop', 'work, linux')
    const token = (await dialog().locator('pre').textContent()) ?? ''
    expect(token).toMatch(/^cqa\.v1\./)
    await page.screenshot({ path: join(pictures, 'account-token.png') })
    expect(await faultsOf(page)).toEqual([])
    // It is gone with the dialog, which does not close by accident.
    await page.keyboard.press('Escape')
    await dialog().getByRole('button', { name: 'Copy the key' }).click()
    await dialog().getByRole('button', { name: 'Copied' }).waitFor()
    expect(await copied()).toBe(token)
    const answer = await fetch(`${served.url}/cq/api/v1/knowledge?domains=http`, {
      headers: { authorization: `Bearer ${token}` },
    })
    expect(answer.status).toBe(200)
    await dialog().getByRole('button', { name: 'I have kept it' }).click()
    await eventually(() => keys().count()).toBe(1)
    const listed = await keys().first().textContent()
    expect(listed).toContain('laptop')
    expect(listed).toContain('work')
    expect(listed).toContain('active')
    expect(listed).toContain('Expires in 3 months')
    expect(await page.content()).not.toContain(token)
    expect(await page.evaluate('JSON.stringify(localStorage)')).not.toContain(token)
  })

  test('refuses a key without a name, and keeps what was typed', async () => {
    await create('  ', 'kept')
    await dialog().getByText('A name is needed.').waitFor()
    expect(await dialog().getByLabel('Labels').inputValue()).toBe('kept')
    await dialog().getByLabel('Name').fill('n'.repeat(65))
    await dialog().getByRole('button', { name: 'Create' }).click()
    await dialog().getByText('A name has at most 64 characters.').waitFor()
    await dialog().getByRole('button', { name: 'Cancel' }).click()
    await eventually(() => dialog().count()).toBe(0)
  })

  test('shows what looks like HTML in names and labels as it is', async () => {
    await create(hostile, '<b>bold</b>')
    await dialog().getByRole('button', { name: 'I have kept it' }).click()
    await eventually(() => keys().count()).toBe(2)
    expect(await keys().first().locator('strong').textContent()).toBe(hostile)
    expect(await keys().first().locator('img, script, b').count()).toBe(0)
    expect(await page.evaluate('typeof ran')).toBe('undefined')
  })

  test('is accessible in light and dark, and fits a telephone', async () => {
    await page.screenshot({ path: join(pictures, 'account-light.png') })
    expect(await faultsOf(page)).toEqual([])
    await page.emulateMedia({ colorScheme: 'dark' })
    await page.screenshot({ path: join(pictures, 'account-dark.png') })
    expect(await faultsOf(page)).toEqual([])
    await page.emulateMedia({ colorScheme: 'light' })
    await page.setViewportSize({ width: 390, height: 844 })
    await page.screenshot({ path: join(pictures, 'account-390.png') })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390)
    await page.setViewportSize({ width: 1280, height: 800 })
  })

  test('revokes a key after asking', async () => {
    await page.getByRole('button', { name: `Revoke ${hostile}` }).click()
    await dialog().getByText(hostile).waitFor()
    await dialog().getByRole('button', { name: 'Cancel' }).click()
    expect(await keys().first().textContent()).toContain('active')
    await page.getByRole('button', { name: `Revoke ${hostile}` }).click()
    await dialog().getByRole('button', { name: 'Revoke' }).click()
    await eventually(() => keys().first().textContent()).toContain('revoked')
    await page.locator('.toast', { hasText: `${hostile} is revoked.` }).waitFor()
    expect(await page.evaluate('typeof ran')).toBe('undefined')
    expect(await keys().last().textContent()).toContain('active')
  })

  test('tells how to connect an agent, with the address under the prefix and a new key', async () => {
    await page.getByRole('link', { name: 'Connect an agent' }).click()
    await page.getByRole('heading', { name: 'Connect an agent' }).waitFor()
    expect(new URL(page.url()).pathname).toBe('/cq/ui/connect')
    const boxOf = (name: string) =>
      page.locator('.copyable-box', { hasText: name }).locator('pre').first()
    const lines = boxOf('Lines for a shell')
    expect(await lines.textContent()).toBe(
      `export CQ_ADDR='${served.url}/cq'\nexport CQ_API_KEY='<your API key>'`,
    )
    await page.getByRole('button', { name: 'Create a key' }).click()
    await dialog().getByLabel('Name').fill('agent')
    await dialog().getByRole('button', { name: 'Create' }).click()
    const token = (await dialog().locator('pre').textContent()) ?? ''
    await dialog().getByRole('button', { name: 'I have kept it' }).click()
    await page.getByRole('button', { name: 'Copy Lines for a shell' }).click()
    await eventually(copied).toBe(`export CQ_ADDR='${served.url}/cq'\nexport CQ_API_KEY='${token}'`)
    expect(await boxOf('Settings for Claude Code').textContent()).toBe(
      `claude mcp add --transport http cq ${served.url}/cq/mcp --header "Authorization: Bearer ${token}"`,
    )
    expect(await boxOf('Settings for Codex').textContent()).toContain(
      `url = "${served.url}/cq/mcp"`,
    )
    expect(JSON.parse((await boxOf('Settings for Cursor').textContent()) ?? '')).toEqual({
      mcpServers: {
        cq: { url: `${served.url}/cq/mcp`, headers: { Authorization: `Bearer ${token}` } },
      },
    })
    expect(JSON.parse((await boxOf('Settings for VS Code').textContent()) ?? '')).toMatchObject({
      inputs: [{ id: 'cq-api-key', password: true }],
      servers: { cq: { type: 'http', url: `${served.url}/cq/mcp` } },
    })
    await page.screenshot({ path: join(pictures, 'connect-light.png') })
    expect(await faultsOf(page)).toEqual([])
    await page.setViewportSize({ width: 390, height: 844 })
    await page.screenshot({ path: join(pictures, 'connect-390.png') })
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390)
    await page.reload()
    await page.getByText('<your API key>').first().waitFor()
    expect(await page.content()).not.toContain(token)
  })
})
