/** What a server must know and nobody else may. */
export interface Secrets {
  /** What logins are signed with: at least 32 bytes. Whoever knows it can be anybody. */
  readonly jwtSecret: string
  /** What API keys are hashed with. Keys made under another one are not valid. */
  readonly apiKeyPepper: string
}

/** Prints a secret, in any shell of a machine that runs cq-store. */
export const secretCommand = `node -p "crypto.randomBytes(48).toString('base64url')"`

/** As many as HS256's own hash has. With fewer, the secret is what is guessed. */
const fewestBytes = 32

/** What people write where a secret is to stand. */
const placeholderWords = new RegExp(
  (
    'a and api at auth be bit bits byte bytes change char character characters code cq default demo dev ' +
    'development do example fake for here in insecure insert is it jwt key least local long me must my ' +
    'not of only or passwd password pepper placeholder please private production random replace sample ' +
    'secret secrets server session sign signing some string super temporary test testing tests text that ' +
    'the this to todo token unsafe use value with you your 256 32'
  )
    .split(' ')
    // Longer ones first: some begin with others.
    .sort((one, other) => other.length - one.length)
    .join('|'),
  'g',
)
const asciiPunctuation = /[\0- !-/:-@[-`{-~]/g
/** A command or variable that a shell would have put its value in place of, or a hint: `<your secret>`. */
const unfilled = /^(\$\(.*\)|\$\{.*\}|`.*`|<.*>)$/s
/** A text that begins again after at most so many characters is a short one, repeated to length. */
const longestRepeated = 16

/** The first secret that can't be taken and why, in words that follow its name. */
export function faultOfSecrets(
  secrets: Secrets,
): { readonly name: keyof Secrets; readonly fault: string } | undefined {
  const remedy = `make one with: ${secretCommand}`
  for (const name of ['jwtSecret', 'apiKeyPepper'] as const)
    if (isBlank(secrets[name]))
      return { name, fault: `must be set, to a random text that stays the same; ${remedy}` }
  const weakness = weaknessOf(secrets.jwtSecret)
  return weakness ? { name: 'jwtSecret', fault: `${weakness}; ${remedy}` } : undefined
}

/** What is weak about a secret, in words that follow its name; never the secret itself. */
export function weaknessOf(secret: string): string | undefined {
  const text = secret.trim()
  if (isPlaceholder(text)) return 'is a placeholder, which anybody can guess'
  if (Buffer.byteLength(text) < fewestBytes) return `is shorter than ${fewestBytes} bytes`
  return undefined
}

function isBlank(secret: unknown): boolean {
  return typeof secret !== 'string' || secret.trim() === ''
}

/** Only what can't be random: to refuse a secret that is one is worse than to miss a placeholder. */
function isPlaceholder(text: string): boolean {
  if (unfilled.test(text) || isRepeated(text)) return true
  const words = text.toLowerCase()
  const rest = words.replaceAll(placeholderWords, '')
  return rest !== words && rest.replaceAll(asciiPunctuation, '') === ''
}

function isRepeated(text: string): boolean {
  for (let period = 1; period <= Math.min(longestRepeated, text.length / 2); period++)
    if (text.slice(period) === text.slice(0, -period)) return true
  return false
}
