import type { FastifyRequest } from 'fastify'
import type { Store } from '../store.ts'
import { callerOf } from './authentication.ts'
import { HttpError } from './errors.ts'

/** Who decides or edits, and whether that may be what they proposed themselves. */
export interface Reviewer {
  readonly reviewedBy: string
  readonly ownProposals: boolean
}

/** The caller as a reviewer. @throws {HttpError} 403 if they may only look */
export async function requireReviewer(store: Store, request: FastifyRequest): Promise<Reviewer> {
  const { username } = callerOf(request)
  const role = await store.roleOf(username)
  if (role === 'member')
    throw new HttpError(403, 'Only reviewers and admins may do this; an operator names them')
  return { reviewedBy: username, ownProposals: role === 'admin' }
}

/** @throws {HttpError} 403 unless the caller is an admin */
export async function requireAdmin(store: Store, request: FastifyRequest): Promise<void> {
  if ((await store.roleOf(callerOf(request).username)) !== 'admin')
    throw new HttpError(403, 'Only admins may do this; an operator names them')
}
