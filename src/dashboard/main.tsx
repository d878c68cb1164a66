import { render } from 'preact'
import './style/tokens.css'
import './style/base.css'
// Before the router listens.
import './pages/library/leave-guard.ts'
import { App } from './app.tsx'

const root = document.getElementById('app')
if (root !== null) render(<App />, root)
