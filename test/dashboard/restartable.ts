import type { FastifyInstance } from 'fastify'
import { createServer } from '../../src/server/server.ts'
import { apiKeyPepper, jwtSecret, type ServedStore } from '../server/served-store.ts'

/** A second server over a store, which goes away and comes back at the same address. */
export class Restartable {
  readonly #served: ServedStore
  #server: FastifyInstance | undefined
  #port = 0

  constructor(served: ServedStore) {
    this.#served = served
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  async start(): Promise<void> {
    const { store } = this.#served
    this.#server = await createServer({ store, jwtSecret, apiKeyPepper })
    const address = await this.#server.listen({ host: '127.0.0.1', port: this.#port })
    this.#port = Number(new URL(address).port)
  }

  async stop(): Promise<void> {
    await this.#server?.close()
    this.#server = undefined
  }
}
