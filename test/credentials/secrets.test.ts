import { exec } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { secretCommand, weaknessOf } from '../../src/credentials/secrets.ts'
import { apiKeyPepper, serveStore } from '../server/served-store.ts'

test.each([
  '...',
  'changeme',
  'changeme'.repeat(4),
  'changemechangemechangemechangemec',
  'change-me-in-production-please-change-me',
  'secret',
  'secret'.repeat(6),
  'your-secret-here',
  'your-secret-here'.repeat(2),
  'your-256-bit-secret',
  'a-string-secret-at-least-256-bits-long',
  'super-secret-jwt-token-with-at-least-32-characters-long',
  'YOUR_LONG_RANDOM_SECRET_HERE_PLEASE',
  'dev-secret',
  'dev-secret'.repeat(4),
  'test-secret-for-tests-only-at-least-32',
  'x'.repeat(32),
  '.'.repeat(48),
  '0123456789'.repeat(4),
  '<a long random text that stays the same>',
  '$(openssl rand -base64 48 | tr -d "\\n")',
  secretCommand,
  `"$(${secretCommand})"`,
  '32 bytes at least, and no placeholder',
  'REPLACE_WITH_OUTPUT_OF_OPENSSL_RAND_BASE64_48',
  '{{ .Values.secrets.cqJwtSecret | b64enc | quote }}',
  '[generate a random secret of at least 32 bytes]',
  'your-super-secret-jwt-signing-key-minimum-32-chars',
  'replace-with-a-random-string-of-32-characters-or-more',
  'this-is-a-very-long-secret-key-for-jwt-signing',
  'dev-secret-key-do-not-use-in-production-1234567890',
  'password123password123password123!!',
  'abcdefghijklmnopqrstuvwxyz0123456789',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: what a shell would have put a value into
  '${CQ_JWT_SECRET:?the secret of this server}',
])('%j is a placeholder', (text) => {
  expect(weaknessOf(text)).toMatch(/^is a placeholder/)
})

test.each([
  'Zr8vKq',
  '0ZkDp1fQyVw9sLc4tHbR8mEaXjU3nGo',
  // Blanks at the ends are easily guessed.
  `0ZkDp1fQyVw9sLc4tHbR8mEaXjU3nGo${' '.repeat(9)}`,
])('%j is too short', (text) => {
  expect(weaknessOf(text)).toBe('is shorter than 32 bytes')
})

test.each([
  'correct horse battery staple, and carol',
  'the test of time is to keep a secret well',
  'sécurité à toute épreuve, même ici',
  '🐌🦔🐝🦉🐢🦋🐙🦊',
])('%j is none', (text) => {
  expect(weaknessOf(text)).toBeUndefined()
})

test.each(['hex', 'base64', 'base64url'] as const)('no random secret in %s is one', (encoding) => {
  for (let number = 0; number < 2_000; number++)
    expect(weaknessOf(randomBytes(32).toString(encoding))).toBeUndefined()
})

test('a pepper that is weak is warned of once, without a word of it', async () => {
  const warnings: unknown[] = []
  const nothing = () => {}
  const logger = {
    level: 'info',
    warn: (...told: unknown[]) => void warnings.push(told),
    ...{ info: nothing, error: nothing, debug: nothing, fatal: nothing, trace: nothing },
    silent: nothing,
    child: () => logger,
  }
  for (const pepper of [apiKeyPepper, 'Zr8vKq']) {
    await using served = await serveStore({ server: { logger, apiKeyPepper: pepper } })
    for (const path of ['/health', '/ready']) expect((await served.ask(path)).status).toBe(200)
  }
  expect(warnings).toEqual([[expect.stringMatching(/^the pepper of API keys is shorter than 32/)]])
  expect(JSON.stringify(warnings)).not.toContain('Zr8vKq')
})

test('the command that is told makes one that is taken', async () => {
  const { stdout } = await promisify(exec)(secretCommand)
  expect(stdout).toMatch(/^[\w-]{64}\n$/)
  expect(weaknessOf(stdout.trimEnd())).toBeUndefined()
})
