import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Page,
} from 'playwright-core'
import { afterAll, beforeAll, expect } from 'vitest'
import { password, type ServedStore } from '../server/served-store.ts'

/** Where Debian and others put the browser. */
const browserPath = [
  process.env.CQ_TEST_CHROMIUM ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== '' && existsSync(path))

const dashboard = join(import.meta.dirname, '../../dist/dashboard/index.html')

/** Why nothing can be tried in a browser; `undefined` if it can. */
export const noBrowser =
  browserPath === undefined
    ? 'there is no Chromium; CQ_TEST_CHROMIUM names one'
    : existsSync(dashboard)
      ? undefined
      : 'the dashboard is not built: npm run build'

if (noBrowser !== undefined) console.warn(`tests of the dashboard are skipped: ${noBrowser}`)

/** Pictures of the pages, to be looked at. */
export const pictures = join(import.meta.dirname, '../../.tmp/dashboard')

/** Pages in a browser of its own, whose console is watched. */
export class Browser {
  readonly #profiles: string[] = []
  readonly #contexts: BrowserContext[] = []
  /** Errors in the console or the script of any page. */
  readonly errors: string[] = []
  /** Messages that are part of what a test does, such as refused requests. */
  readonly expected: RegExp[] = []

  /** A page of somebody with a browser of their own. */
  async open(url: string, options: BrowserContextOptions = {}): Promise<Page> {
    const profile = await mkdtemp(join(tmpdir(), 'cq-store-browser-'))
    this.#profiles.push(profile)
    const context = await chromium.launchPersistentContext(profile, {
      executablePath: browserPath ?? '',
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
      viewport: { width: 1280, height: 800 },
      locale: 'en-GB',
      // Colours are at once what they will be.
      reducedMotion: 'reduce',
      ...options,
    })
    this.#contexts.push(context)
    const page = context.pages()[0] ?? (await context.newPage())
    page.setDefaultTimeout(15_000)
    page.on('console', (message) => {
      if (message.type() === 'error') this.#note(message.text())
    })
    page.on('pageerror', (error) => this.#note(String(error)))
    await page.goto(url)
    return page
  }

  #note(text: string): void {
    if (!this.expected.some((pattern) => pattern.test(text))) this.errors.push(text)
  }

  async close(): Promise<void> {
    for (const context of this.#contexts) await context.close()
    for (const profile of this.#profiles) await rm(profile, { recursive: true, force: true })
  }
}

/** A browser for the tests of a file, none of which may leave an error in its console. */
export function useBrowser(): { readonly browser: Browser } {
  let browser: Browser | undefined
  beforeAll(async () => {
    await mkdir(pictures, { recursive: true })
    browser = new Browser()
  })
  afterAll(async () => {
    await browser?.close()
    expect(browser?.errors ?? []).toEqual([])
  })
  return {
    get browser() {
      if (!browser) throw new Error('the browser is open only while tests run')
      return browser
    },
  }
}

/** Logs in on the page that is open, as a person does. The user is added if there is none. */
export async function logIn(page: Page, { store }: ServedStore, username: string): Promise<void> {
  const { passwordHash } = await import('../server/served-store.ts')
  if (!(await store.getUser(username))) await store.createUser(username, passwordHash)
  await page.getByLabel('User name').fill(username)
  await page.getByLabel('Password').fill(password)
  await page.getByRole('button', { name: 'Log in' }).click()
}

/** What a look at the page or the store tells in the end: a page answers once the server has, and browsers take their time. */
export const eventually = <T>(look: () => T) => expect.poll(look, { timeout: 15_000 })

/** What axe finds wrong with the page, in words. */
export async function faultsOf(page: Page): Promise<string[]> {
  const { default: axe } = await import('axe-core')
  // What follows the colour scheme is drawn anew in the next frame.
  await page.evaluate(
    'new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))',
  )
  // Colours that are on their way to others are none of either scheme.
  await page.evaluate(
    'Promise.allSettled(document.getAnimations().map(({ finished }) => finished))',
  )
  await page.evaluate(axe.source)
  const found = await page.evaluate(async () => {
    const { violations } = await (
      globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } }
    ).axe.run()
    return violations
  })
  return found.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  )
}

interface Violation {
  readonly id: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[]
}
