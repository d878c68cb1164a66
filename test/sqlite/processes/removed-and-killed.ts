import { SqliteStore } from '../../../src/sqlite/store.ts'

// Removes a unit, and is gone as soon as that is acknowledged.
const [, , path = '', id = ''] = process.argv
const store = await SqliteStore.open({ path, readers: 1 })
if (await store.removeUnit(id)) process.kill(process.pid, 'SIGKILL')
