import { describe, expect, test } from 'vitest'
import { serveStore } from '../server/served-store.ts'
import { sampleUnit, unitId } from '../store/samples.ts'
import { faultsOf, logIn, noBrowser, useBrowser } from './browser.ts'

const script = '<script>window.hit = 1</script>'
const image = '<img src="http://127.0.0.1:9/a.png" onerror="window.hit = 1">'
const markdown =
  '[x](javascript:window.hit=1) ![y](http://127.0.0.1:9/b.png) <https://127.0.0.1:9/c>'
const hostile = `${script}${image}${markdown}`
const hebrew = '\u05e9\u05dc\u05d5\u05dd \u05e2\u05d5\u05dc\u05dd'

describe.skipIf(noBrowser)('what agents write', () => {
  const the = useBrowser()

  test('is shown as it is, and nothing of it runs, loads or can be followed', async () => {
    await using served = await serveStore()
    const { store } = served
    const unit = sampleUnit(unitId(1), new Date('2026-11-22T12:00:00Z'), {
      domains: [script, 'x'.repeat(64)],
      insight: {
        summary: hostile,
        detail: `${hostile}\n\n# ${hostile}\n\n- ${hostile}\n\n\`\`\`html\n${hostile}\n\`\`\`\n\n| ${script} |\n|---|\n| ${image} |\n\n${hebrew}\n\n${'A long word follows. '.repeat(150)}${'w'.repeat(2_000)}`,
        action: hostile,
      },
      context: { languages: [script], frameworks: [image.slice(0, 64)], pattern: script },
      created_by: hostile,
      extensions: { 'vendor:key': { deep: [hostile] } },
    })
    await store.insert(unit)
    const owner = await served.login('carol')
    const key = { name: script.slice(0, 64), ttl: '1d', labels: [image] }
    expect((await served.send('POST', '/api/v1/users/me/api-keys', owner, key)).status).toBe(201)
    const page = await the.browser.open(`${served.url}/ui/`)
    const asked: string[] = []
    page.on('request', (request) => {
      if (!request.url().startsWith(served.url)) asked.push(request.url())
    })
    await logIn(page, served, 'carol')
    const isInert = async (path: string) => {
      await page.getByText(script).first().waitFor()
      expect(await page.evaluate('window.hit'), path).toBeUndefined()
      expect(
        await page.evaluate<number>('document.querySelectorAll("main img, main script").length'),
      ).toBe(0)
      expect(
        await page.evaluate<string[]>(
          '[...document.querySelectorAll("main a")].map((link) => link.href).filter((href) => !href.startsWith(location.origin))',
        ),
      ).toEqual([])
      expect(await faultsOf(page), path).toEqual([])
    }
    await isInert('review')
    expect(
      await page
        .getByText(hebrew)
        .first()
        .evaluate(
          (element) =>
            (
              globalThis as unknown as { getComputedStyle(of: unknown): { direction: string } }
            ).getComputedStyle(element).direction,
        ),
    ).toBe('rtl')
    await store.decide(unit.id, 'approved', script)
    for (const reason of ['stale', 'incorrect'] as const)
      await store.flag(unit.id, { reason, detail: hostile })
    for (const path of ['library', `library/${unit.id}`, 'insight', 'account']) {
      await page.goto(`${served.url}/ui/${path}`)
      await isInert(path)
      for (const width of [1280, 390]) {
        await page.setViewportSize({ width, height: 800 })
        expect(
          await page.evaluate<number>(
            'document.documentElement.scrollWidth - document.documentElement.clientWidth',
          ),
          `${path} at ${width}`,
        ).toBe(0)
      }
      await page.setViewportSize({ width: 1280, height: 800 })
    }
    expect(asked).toEqual([])
  })
})
