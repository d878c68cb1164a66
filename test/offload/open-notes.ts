import { onTestFinished } from 'vitest'
import { type Offloaded, type OffloadOptions, openOffloaded } from '../../src/offload/index.ts'
import type { DefinitionsOf } from '../../src/offload/open-offloaded.ts'
import { TemporaryDirectory } from '../sqlite/temporary-directory.ts'
import { RecordedLog } from '../threads/recorded-log.ts'

export type NotesOperations = typeof import('./notes.ts').default
export type Notes = Offloaded<DefinitionsOf<NotesOperations>>

export const notesFile = new URL('./notes.ts', import.meta.url)

/** A database whose operations are those of `notes.ts`. */
export function openNotes(
  options: Omit<OffloadOptions, 'operations'> & Partial<Pick<OffloadOptions, 'operations'>>,
): Promise<Notes> {
  return openOffloaded<NotesOperations>({
    operations: notesFile,
    readers: 2,
    log: new RecordedLog(),
    ...options,
  })
}

export const note = (number: number) => ({ tag: `tag ${number % 3}`, text: `text ${number}` })

/** A new one, for one test. */
export async function opened(
  options: Partial<Parameters<typeof openNotes>[0]> = {},
): Promise<Notes> {
  const directory = await TemporaryDirectory.create()
  const notes = await openNotes({ path: directory.file('notes.db'), ...options })
  onTestFinished(async () => {
    await notes.close()
    await directory[Symbol.asyncDispose]()
  })
  return notes
}
