import { useObserved } from '../../api/observable.ts'
import { endSession, isSessionExpired, session } from '../../api/session.ts'
import { Button } from '../../components/button.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { LoginForm } from './login-form.tsx'
import './login.css'

/** Asks for the password again, over whatever page is open. */
export function SessionExpiry() {
  const current = useObserved(session)
  const isExpired = useObserved(isSessionExpired)
  return (
    <Dialog isOpen={isExpired && current !== null} title="Your session has ended">
      <p>Log in again to go on where you are. Nothing is lost.</p>
      {current !== null && <LoginForm username={current.username} />}
      <Button kind="ghost" onClick={endSession}>
        Log out instead
      </Button>
    </Dialog>
  )
}
