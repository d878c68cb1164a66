import { createKnowledgeUnit, SqliteStore, type StoreError } from '../../../src/index.ts'
import { Connection } from '../../../src/offload/connection.ts'
import { migrate } from '../../../src/sqlite/migrator.ts'

/**
 * A process that opens files when it is told to. By a store: opens it, inserts a unit, says so, and closes
 * it when it is told to. By the migrator alone: migrates the file, closes it, and says so.
 */
export type Request =
  | { readonly open: string }
  | { readonly close: true }
  | { readonly migrate: string }
export type Answer = 'ready' | 'done' | { readonly code: string; readonly message: string }

let store: SqliteStore | undefined

async function obey(request: Request): Promise<void> {
  if ('open' in request) {
    store = await SqliteStore.open({ path: request.open, readers: 1 })
    const insight = { summary: 'Summary', detail: 'Detail', action: 'Action' }
    await store.insert(createKnowledgeUnit({ domains: ['processes'], insight }))
  } else if ('migrate' in request) {
    const connection = new Connection({
      path: request.migrate,
      access: 'write',
      durability: 'normal',
      busyTimeout: 30_000,
      cacheSize: 1_024,
      mmapSize: 0,
    })
    migrate(connection, 30_000)
    connection.close()
  } else {
    await store?.close()
  }
}

process.on('message', (request: Request) => {
  obey(request).then(
    () => answer('done'),
    ({ code, message }: StoreError) => answer({ code, message }),
  )
})
answer('ready')

function answer(text: Answer): void {
  process.send?.(text)
}
