import { note, openNotes } from './open-notes.ts'

/** Writes behind a transaction that nobody ends, with nothing else that would keep the process. */
const [path = ''] = process.argv.slice(2)
const notes = await openNotes({ path, transactionTimeout: 300 })
const transaction = await notes.begin()
await transaction.add(note(1))
console.log(await notes.add(note(2)))
await notes.close()
