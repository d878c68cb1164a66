import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'

/** The parts of an API key, as cq writes it: `cqa.v1.<id>.<secret>`. */
export interface ApiKeyParts {
  readonly id: string
  readonly secret: string
}

const form = /^cqa\.v1\.([0-9a-f]{32})\.([a-z2-7]{52})$/
const alphabet = 'abcdefghijklmnopqrstuvwxyz234567'

/** A new key. Its token is shown once; only the hash of its secret is stored. */
export function newApiKey(): ApiKeyParts & { readonly token: string } {
  const id = randomUUID().replaceAll('-', '')
  const secret = base32(randomBytes(32))
  return { id, secret, token: `cqa.v1.${id}.${secret}` }
}

/** The parts of a token; `undefined` if it is malformed. */
export function readApiKey(token: string): ApiKeyParts | undefined {
  const [, id, secret] = form.exec(token) ?? []
  return id === undefined || secret === undefined ? undefined : { id, secret }
}

/** The hash that is stored of a secret, in hexadecimal. */
export function hashSecret(secret: string, pepper: string): string {
  return createHmac('sha256', pepper).update(secret).digest('hex')
}

/** Compares hashes in constant time. */
export function sameHash(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(one), Buffer.from(other)]
  return left.length === right.length && timingSafeEqual(left, right)
}

/** RFC 4648 base32, lower case, without padding. */
function base32(bytes: Uint8Array): string {
  let text = ''
  let held = 0
  let bits = 0
  for (const byte of bytes) {
    held = (held << 8) | byte
    for (bits += 8; bits >= 5; bits -= 5) text += alphabet[(held >> (bits - 5)) & 31]
    held &= (1 << bits) - 1
  }
  return bits > 0 ? text + alphabet[(held << (5 - bits)) & 31] : text
}
