import { parentPort, workerData } from 'node:worker_threads'
import { CheckpointRequest } from '../../../src/offload/checkpoint-request.ts'
import { Connection } from '../../../src/offload/connection.ts'
import { Tally } from '../../threads/tally.ts'

/** Answers requests for checkpoints, until it is sent a message. */
const { path, memory } = workerData as { readonly path: string; readonly memory: SharedArrayBuffer }
const made = Tally.find('checkpoints made')

const connection = new Connection({
  path,
  access: 'checkpoint',
  durability: 'normal',
  busyTimeout: 5_000,
  cacheSize: 1_024,
  mmapSize: 0,
})
const request = new CheckpointRequest(memory)
const done = request.done.bind(request)
request.done = () => {
  made?.add()
  done()
}
void connection.logUpkeep.checkpointWhenAsked(request)
parentPort?.once('message', () => connection.close())
