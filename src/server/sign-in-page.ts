import { createHash } from 'node:crypto'

const style = `
:root { color-scheme: light dark; font: 1rem/1.5 system-ui, sans-serif }
main { max-width: 24rem; margin: 10vh auto; padding: 0 1rem }
h1 { font-size: 1.5rem }
label { display: block; margin-top: 1rem }
input, button { box-sizing: border-box; width: 100%; padding: .5rem; font: inherit }
button { margin-top: 1.5rem }
[role=alert] { border-left: .25rem solid; padding-left: .75rem; font-weight: bold }
`

/**
 * Nothing but the page's own style is loaded, nothing is run, and nobody frames it. Browsers apply `form-action` to
 * where a form's answer leads, too.
 * @param redirectUri where the form may lead besides this server
 */
export function signInHeaders(redirectUri?: string): Record<string, string> {
  const targets = redirectUri === undefined ? ["'none'"] : ["'self'", sourceOf(redirectUri)]
  return {
    'content-security-policy': [
      "default-src 'none'",
      `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
      "base-uri 'none'",
      `form-action ${targets.join(' ')}`,
      "frame-ancestors 'none'",
    ].join(';'),
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  }
}

/** An address as a policy names it, which cannot name an IPv6 address. */
function sourceOf(address: string): string {
  const { origin, hostname } = new URL(address)
  return hostname.startsWith('[') ? 'http:' : origin
}

export interface SignInForm {
  /** The signed request. */
  readonly request: string
  readonly redirectUri: string
  /** What was typed before. */
  readonly username?: string | undefined
  /** Why it did not do. */
  readonly error?: string | undefined
}

/** The page that asks for a name and a password. It has no script. */
export function signInPage({ request, redirectUri, username = '', error }: SignInForm): string {
  const wrong = error !== undefined
  // Relative, and so right behind a proxy that strips a prefix, too.
  return page(
    'Sign in',
    `<p>A program on this computer wants to sign in as you. It waits at <strong>${escaped(new URL(redirectUri).host)}</strong>.</p>
<p>If you did not just start one, such as <code>cq auth login</code>, close this page.</p>
${wrong ? `<p role="alert" id="error">${escaped(error)}</p>` : ''}
<form method="post" action="authorize">
<input type="hidden" name="request" value="${escaped(request)}">
<label for="username">User name</label>
<input id="username" name="username" value="${escaped(username)}" autocomplete="username" autocapitalize="none" spellcheck="false" required${wrong ? ' aria-describedby="error"' : ' autofocus'}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required${wrong ? ' aria-describedby="error" autofocus' : ''}>
<button>Sign in</button>
</form>`,
  )
}

/** The page for a browser that cannot go on. */
export function signInRefusal(detail: string): string {
  return page('You cannot sign in here', `<p role="alert">${escaped(detail)}</p>`)
}

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title} – cq-store</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${content}
</main>
</body>
</html>
`
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '')
}
