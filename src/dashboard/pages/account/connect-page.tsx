import { useState } from 'preact/hooks'
import { Link } from 'wouter-preact'
import { serverAddress } from '../../api/address.ts'
import { Button } from '../../components/button.tsx'
import { CopyButton } from '../../components/copy-button.tsx'
import { hasMcp, mcpClients } from './mcp-clients.ts'
import { NewKeyDialog } from './new-key-dialog.tsx'
import './account.css'

const placeholder = '<your API key>'

/** What an agent needs to use this server. */
export default function ConnectPage() {
  const [isCreating, setCreating] = useState(false)
  // Only for as long as the page is open: it is nowhere kept.
  const [token, setToken] = useState<string>()
  const key = token ?? placeholder
  return (
    <div class="page connect">
      <header class="page__header">
        <div>
          <h1>Connect an agent</h1>
          <p class="quiet">cq's CLI, SDKs and plugins need two variables and nothing else.</p>
        </div>
        <Link href="/account">Your API keys</Link>
      </header>

      <section class="connect__part">
        <h2>The variables</h2>
        <Copyable name="CQ_ADDR" text={serverAddress} />
        <Copyable name="CQ_API_KEY" text={key} isMissing={token === undefined} />
        <div>
          <Button kind="primary" onClick={() => setCreating(true)}>
            Create a key
          </Button>
        </div>
      </section>

      <section class="connect__part">
        <h2>In a shell</h2>
        <p class="quiet">Lines for the profile of the shell that agents run in.</p>
        <Copyable
          name="Lines for a shell"
          text={`export CQ_ADDR='${serverAddress}'\nexport CQ_API_KEY='${key}'`}
        />
      </section>

      {hasMcp && (
        <section class="connect__part">
          <h2>MCP clients</h2>
          {mcpClients.map(({ name, where, text }) => (
            <div key={name} class="connect__client">
              <h3>{name}</h3>
              <p class="quiet">{where}</p>
              <Copyable name={`Settings for ${name}`} text={text(serverAddress, key)} />
            </div>
          ))}
        </section>
      )}
      <NewKeyDialog
        isOpen={isCreating}
        onClose={() => setCreating(false)}
        onCreated={(created) => setToken(created.token)}
      />
    </div>
  )
}

function Copyable({
  name,
  text,
  isMissing = false,
}: {
  name: string
  text: string
  isMissing?: boolean
}) {
  return (
    <figure class="copyable-box">
      <figcaption class="quiet">{name}</figcaption>
      <pre class="copyable" dir="ltr">
        {text}
      </pre>
      {!isMissing && <CopyButton text={text} what={name} />}
    </figure>
  )
}
