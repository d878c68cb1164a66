import { buffer } from 'node:stream/consumers'
import { confirm, isCancel, log, password, updateSettings } from '@clack/prompts'
import { longestPassword } from '../credentials/passwords.ts'
import { Interrupted } from './interruption.ts'
import { SettingError } from './settings.ts'

// Ctrl-D would otherwise end the prompt's input and leave it waiting for ever.
updateSettings({ aliases: { '\u0004': 'cancel' } })

const cancelled = 'cancelled; nothing was changed'

/**
 * Reads a new password: twice and hidden at a terminal, otherwise from standard input. Never from an argument,
 * which other users of the machine can see.
 */
export async function readPassword(owner: string, fromStdin: boolean): Promise<string> {
  if (process.stdin.isTTY && !fromStdin) return askForPassword(owner)
  const secret = decoded(await buffer(process.stdin)).replace(/\r?\n$/, '')
  const fault = faultOf(secret)
  if (fault) throw new Error(`the password on the standard input ${fault}`)
  return secret
}

/** Asks for confirmation. If nobody can be asked, `flag` is required. @throws if the answer is no */
export async function requireConfirmed(question: string, flag: string): Promise<void> {
  if (!process.stdin.isTTY)
    throw new SettingError(`${flag} is needed where nobody can be asked. ${question}`)
  const answer = await confirm({ message: question, initialValue: false, output: process.stderr })
  if (isCancel(answer)) throw new Interrupted('SIGINT', cancelled)
  if (!answer) throw new Error(cancelled)
}

async function askForPassword(owner: string): Promise<string> {
  for (;;) {
    const secret = await ask(`Password of ${owner}`, faultOf)
    if ((await ask('The same again')) === secret) return secret
    log.warn('These are two different passwords. Once more, from the first:', {
      output: process.stderr,
    })
  }
}

async function ask(
  message: string,
  findFault: (secret: string) => string | undefined = () => undefined,
): Promise<string> {
  const answer = await password({
    message,
    mask: '',
    clearOnError: true,
    output: process.stderr,
    validate: (secret = '') => {
      const fault = findFault(secret)
      return fault && `The password ${fault}`
    },
  })
  if (isCancel(answer)) throw new Interrupted('SIGINT', cancelled)
  return answer
}

function faultOf(secret: string): string | undefined {
  if (secret === '') return 'must not be empty'
  if (/[\0\r\n]/.test(secret)) return 'must be one line'
  const bytes = Buffer.byteLength(secret)
  if (bytes > longestPassword)
    return `must be at most ${longestPassword} bytes long, as bcrypt looks at no more; this one has ${bytes}`
  return undefined
}

function decoded(bytes: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new Error('the password on the standard input must be UTF-8')
  }
}
