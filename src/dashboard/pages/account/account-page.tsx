import { useQuery, useQueryClient } from '@tanstack/preact-query'
import { useState } from 'preact/hooks'
import { Link } from 'wouter-preact'
import { reasonOf } from '../../api/errors.ts'
import { logOut, logOutEverywhere } from '../../api/log-out.ts'
import { useObserved } from '../../api/observable.ts'
import { session } from '../../api/session.ts'
import { userQuery } from '../../api/units.ts'
import { Badge } from '../../components/badge.tsx'
import { Button } from '../../components/button.tsx'
import { Dialog } from '../../components/dialog.tsx'
import { EmptyState, ErrorState, Skeleton } from '../../components/states.tsx'
import { TimeAgo } from '../../components/time-ago.tsx'
import { showToast } from '../../components/toast.tsx'
import { type ApiKey, keysQuery, revokeKey } from './key-queries.ts'
import { NewKeyDialog } from './new-key-dialog.tsx'
import './account.css'

const mayDo = {
  admin: 'may decide, edit and remove units',
  reviewer: 'may decide and edit units of others',
  member: 'may look at units',
}

/** Who is logged in, and their API keys. */
export default function AccountPage() {
  const username = useObserved(session)?.username
  const user = useQuery(userQuery)
  const role = user.data?.role
  return (
    <div class="page">
      <header class="page__header">
        <div>
          <h1>Account</h1>
          <p class="quiet">
            <bdi>{username}</bdi>
            {role && `, ${role}: ${mayDo[role]}`}
            {user.data && (
              <>
                , since <TimeAgo at={user.data.created_at} />
              </>
            )}
          </p>
        </div>
        <div class="account__actions">
          <Link href="/connect" class="button">
            Connect an agent
          </Link>
          <LogOutEverywhere />
          <Button onClick={logOut}>Log out</Button>
        </div>
      </header>
      <Keys />
    </div>
  )
}

function LogOutEverywhere() {
  const [isBusy, setBusy] = useState(false)
  const act = async () => {
    setBusy(true)
    try {
      await logOutEverywhere()
    } catch (error) {
      showToast({ message: `You were not logged out. ${reasonOf(error)}`, tone: 'bad' })
    } finally {
      setBusy(false)
    }
  }
  return (
    <Button busy={isBusy} onClick={() => void act()}>
      Log out on all devices
    </Button>
  )
}

function Keys() {
  const keys = useQuery(keysQuery)
  const [isCreating, setCreating] = useState(false)
  const [revoking, setRevoking] = useState<ApiKey>()
  return (
    <section>
      <header class="account__header">
        <h2>API keys</h2>
        <Button kind="primary" onClick={() => setCreating(true)}>
          New key
        </Button>
      </header>
      {keys.isPending && <Skeleton label="Loading keys" />}
      {keys.isError && keys.data === undefined && (
        <ErrorState
          what="The keys could not be loaded"
          error={keys.error}
          onRetry={() => void keys.refetch()}
        />
      )}
      {keys.data?.length === 0 && (
        <EmptyState title="No keys yet">
          An agent needs one to propose and confirm units.
        </EmptyState>
      )}
      {keys.data && keys.data.length > 0 && (
        <ul class="keys card">
          {keys.data.map((key) => (
            <li key={key.id} class="keys__key">
              <div class="keys__names">
                <strong dir="auto">{key.name}</strong>
                <code class="quiet">{key.prefix}...</code>
                {key.labels.map((label) => (
                  <Badge key={label}>{label}</Badge>
                ))}
              </div>
              <p class="keys__times quiet">
                <span>
                  Created <TimeAgo at={key.created_at} />
                </span>
                <span>
                  {key.is_expired ? 'Expired' : 'Expires'} <TimeAgo at={key.expires_at} />
                </span>
                <span>
                  {key.last_used_at ? (
                    <>
                      Last used <TimeAgo at={key.last_used_at} />
                    </>
                  ) : (
                    'Never used'
                  )}
                </span>
              </p>
              <div class="keys__state">
                <Badge tone={key.is_active ? 'good' : 'neutral'}>{stateOf(key)}</Badge>
                {key.is_active && (
                  <Button
                    kind="bad"
                    onClick={() => setRevoking(key)}
                    aria-label={`Revoke ${key.name}`}
                  >
                    Revoke
                  </Button>
                )}
              </div>
            </li>
          ))}
        </ul>
      )}
      <NewKeyDialog isOpen={isCreating} onClose={() => setCreating(false)} />
      <RevokeDialog revoked={revoking} onClose={() => setRevoking(undefined)} />
    </section>
  )
}

function stateOf({ revoked_at, is_expired }: ApiKey): string {
  if (revoked_at !== null) return 'revoked'
  return is_expired ? 'expired' : 'active'
}

function RevokeDialog({ revoked, onClose }: { revoked: ApiKey | undefined; onClose: () => void }) {
  const queryClient = useQueryClient()
  const [isBusy, setBusy] = useState(false)
  const revoke = async (key: ApiKey) => {
    setBusy(true)
    try {
      await revokeKey(key.id)
      await queryClient.invalidateQueries({ queryKey: keysQuery.queryKey })
      showToast({ message: `${key.name} is revoked.` })
      onClose()
    } catch (error) {
      showToast({ message: `The key was not revoked. ${reasonOf(error)}`, tone: 'bad' })
    } finally {
      setBusy(false)
    }
  }
  return (
    <Dialog
      isOpen={revoked !== undefined}
      title="Revoke this key?"
      onDismiss={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button kind="bad" busy={isBusy} onClick={() => revoked && void revoke(revoked)}>
            Revoke
          </Button>
        </>
      }
    >
      <p>
        Agents that use <strong dir="auto">{revoked?.name}</strong> are refused from now on. It
        can't be undone.
      </p>
    </Dialog>
  )
}
