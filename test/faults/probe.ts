import { Agent, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { parentPort, workerData } from 'node:worker_threads'

/** A thread that asks a server for a path, on one connection, until it is told to end; then tells how long that took. */

const { port, path, token } = workerData as { port: number; path: string; token: string }
const pause = 10
const patience = 10_000
const agent = new Agent({ keepAlive: true, maxSockets: 1 })
const took: number[] = []
let failed = 0
let isOver = false

function ask(): Promise<void> {
  const began = performance.now()
  return new Promise((resolve) => {
    const done = (isRight: boolean) => {
      took.push(performance.now() - began)
      if (!isRight) failed++
      resolve()
    }
    const headers = token === '' ? {} : { authorization: `Bearer ${token}` }
    const client = request({ port, path, host: '127.0.0.1', agent, headers, timeout: patience })
    client.on('timeout', () => client.destroy(new Error('late')))
    client.on('error', () => done(false))
    client.on('response', (answer) => {
      answer.resume()
      answer.on('end', () => done(answer.statusCode === 200))
    })
    client.end()
  })
}

parentPort?.once('message', () => {
  isOver = true
})
while (!isOver) {
  await ask()
  await delay(pause)
}
took.sort((one, other) => one - other)
const at = (part: number) => took[Math.min(Math.floor(part * took.length), took.length - 1)] ?? 0
parentPort?.postMessage({ count: took.length, failed, p50: at(0.5), p99: at(0.99), most: at(1) })
agent.destroy()
