import { useEffect, useState } from 'preact/hooks'
import { answerOf, api, reach } from '../../api/client.ts'
import { ApiError, reasonOf } from '../../api/errors.ts'
import { beginSession } from '../../api/session.ts'
import { Button } from '../../components/button.tsx'
import { TextField } from '../../components/field.tsx'

interface LoginFormProps {
  /** Who has to log in again; without it, anyone may. */
  username?: string
}

export function LoginForm({ username }: LoginFormProps) {
  const [isBusy, setBusy] = useState(false)
  const [fault, setFault] = useState<string>()
  const [until, setUntil] = useState(0)
  const secondsLeft = useSecondsLeft(until)

  async function submit(form: HTMLFormElement) {
    const fields = new FormData(form)
    const body = {
      username: username ?? String(fields.get('username')),
      password: String(fields.get('password')),
    }
    setBusy(true)
    setFault(undefined)
    try {
      // Logging in is not as anybody: a refused password must not open the dialog of an expired session.
      beginSession(await answerOf(api.POST('/api/v1/auth/login', { body, fetch: reach })))
    } catch (error) {
      setFault(faultOf(error))
      if (error instanceof ApiError && error.status === 429) {
        setUntil(Date.now() + (error.retryAfter ?? 60) * 1_000)
      }
      setBusy(false)
      form.querySelector<HTMLInputElement>('[name=password]')?.select()
    }
  }

  const mustWait = secondsLeft > 0
  return (
    <form
      class="login-form"
      method="post"
      onSubmit={(event) => {
        event.preventDefault()
        if (!mustWait && !isBusy) void submit(event.currentTarget)
      }}
    >
      <TextField
        label="User name"
        name="username"
        autocomplete="username"
        autocapitalize="none"
        spellcheck={false}
        required
        {...(username === undefined ? { autofocus: true } : { value: username, readOnly: true })}
      />
      <TextField
        label="Password"
        name="password"
        type="password"
        autocomplete="current-password"
        required
        autofocus={username !== undefined}
      />
      <p class="login-form__fault" role="alert">
        {fault}
      </p>
      {mustWait && <p class="quiet">You can try again in {inWords(secondsLeft)}.</p>}
      <Button kind="primary" type="submit" busy={isBusy} disabled={mustWait}>
        Log in
      </Button>
    </form>
  )
}

function faultOf(error: unknown): string {
  if (!(error instanceof ApiError)) return reasonOf(error)
  if (error.status === 401) return 'The user name or the password is wrong.'
  if (error.status === 429) return 'Too many attempts.'
  if (error.status === 0) return 'The server cannot be reached. Is it running, and are you on line?'
  if (error.isTemporary) return `The server cannot log anyone in at the moment: ${error.message}`
  return error.message
}

function inWords(seconds: number): string {
  if (seconds < 60) return `${seconds} s`
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`
}

function useSecondsLeft(until: number): number {
  const [now, setNow] = useState(Date.now)
  useEffect(() => {
    setNow(Date.now())
    const timer = setInterval(() => {
      setNow(Date.now())
      if (Date.now() >= until) clearInterval(timer)
    }, 250)
    return () => clearInterval(timer)
  }, [until])
  return Math.max(0, Math.ceil((until - now) / 1_000))
}
