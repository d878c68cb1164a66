/** The secrets of a server. */
export interface Secrets {
  /** Logins are signed with it: at least 32 bytes. Whoever has it can act as any user. */
  readonly jwtSecret: string
  /** API keys are hashed with it. Keys made under another one are not valid. */
  readonly apiKeyPepper: string
}

/** Prints a secret, in any shell of a machine that runs cq-store. */
export const secretCommand = `node -p "crypto.randomBytes(48).toString('base64url')"`

const remedy = `make one with: ${secretCommand}`

/** The length of HS256's hash. A shorter secret is easier to guess than the hash. */
const fewestBytes = 32

/** Words of placeholders. */
const placeholderWords = new RegExp(
  (
    'a an and api at auth base64 be before bit bits by byte bytes change char character characters chars code ' +
    'cq default demo dev development do example fake for generate here hex in insecure insert is it jwt key ' +
    'keys least local long me min minimum more must my no not of only openssl or output own passwd password ' +
    'pepper placeholder please private production put rand random replace sample secret secrets secure server ' +
    'session set sign signing some string super temporary test testing tests text that the this to todo token ' +
    'unsafe use value very with you your 1234567890 123456789 12345678 123456 12345 1234 123 256 48 32'
  )
    .split(' ')
    // Longer ones first, since some begin with others.
    .sort((one, other) => other.length - one.length)
    .join('|'),
  'g',
)
const asciiPunctuation = /[\0- !-/:-@[-`{-~]/g
/** A command, variable or template that was not filled in, or a hint such as `<your secret>`. */
const unfilled = /^(\$\(.*\)|\$\{.*\}|\{\{.*\}\}|`.*`|<.*>|\[.*\])$|randomBytes\(|openssl rand/s
/** A text that repeats after at most so many characters is a short one. */
const longestRepeated = 16

/** The first secret that is refused and why, in words that follow its name. */
export function faultOfSecrets(
  secrets: Secrets,
): { readonly name: keyof Secrets; readonly fault: string } | undefined {
  for (const name of ['jwtSecret', 'apiKeyPepper'] as const) {
    const fault = absenceOf(secrets[name])
    if (fault !== undefined) return { name, fault }
  }
  const weakness = weaknessOf(secrets.jwtSecret)
  return weakness ? { name: 'jwtSecret', fault: `${weakness}; ${remedy}` } : undefined
}

/** What is said of a secret that is not set, in words that follow its name. */
export function absenceOf(secret: unknown): string | undefined {
  return isBlank(secret)
    ? `must be set, to a random text that stays the same; ${remedy}`
    : undefined
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

/** Only what cannot be random: refusing a real secret is worse than missing a placeholder. */
function isPlaceholder(text: string): boolean {
  const bare = text.replaceAll(/^["']|["']$/g, '')
  if (unfilled.test(bare) || isRepeated(bare) || isRun(bare)) return true
  const words = text.toLowerCase()
  const rest = words.replaceAll(placeholderWords, '')
  return rest !== words && rest.replaceAll(asciiPunctuation, '') === ''
}

/** Whether nearly every character is the successor of the one before, as in an alphabet. */
function isRun(text: string): boolean {
  let following = 0
  for (let at = 1; at < text.length; at++)
    if (text.charCodeAt(at) - text.charCodeAt(at - 1) === 1) following++
  return following > text.length * 0.8
}

function isRepeated(text: string): boolean {
  for (let period = 1; period <= Math.min(longestRepeated, text.length / 2); period++)
    if (text.slice(period) === text.slice(0, -period)) return true
  return false
}
