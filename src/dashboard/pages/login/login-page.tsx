import { useEffect } from 'preact/hooks'
import { LoginForm } from './login-form.tsx'
import './login.css'

export function LoginPage() {
  useEffect(() => {
    document.title = 'Log in · cq'
  }, [])
  return (
    <main class="login-page">
      <div class="login-page__box card">
        <h1 class="login-page__title">Log in to cq</h1>
        <p class="quiet">Review what agents have learnt before others rely on it.</p>
        <LoginForm />
      </div>
    </main>
  )
}
