import { changesAndCounts } from './changes-and-counts.ts'
import type { Migration } from './migration.ts'
import { proposals } from './proposals.ts'
import { rolesAndHistory } from './roles-and-history.ts'
import { signIn } from './sign-in.ts'
import { texts } from './texts.ts'

/** Our own steps on top of the reference schema, in the order in which they are taken. */
export const migrations: readonly Migration[] = [
  changesAndCounts,
  rolesAndHistory,
  texts,
  proposals,
  signIn,
]
