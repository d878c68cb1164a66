import { RecordedLog } from '../../threads/recorded-log.ts'
import { Tally } from '../../threads/tally.ts'
import { openSteered } from '../steered-store.ts'
import { ordinaryUnits } from '../steered-units.ts'

const deaths = [Tally.create('deaths of read'), Tally.create('deaths of write')]
const log = new RecordedLog()
await using store = await openSteered({ path: process.argv[2] as string, readers: 1, log })
// An idle store keeps no process alive, nor do workers that are about to die.
const alive = setInterval(() => {}, 1_000)
for (const death of deaths) death.add()
await log.told('warn', 2)
clearInterval(alive)
await store.insertMany(ordinaryUnits(3))
console.log(`counted ${await store.count()} after ${log.messages('warn').length} deaths`)
