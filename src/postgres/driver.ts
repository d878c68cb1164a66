import type { Client, ClientConfig } from 'pg'
import { StoreError } from '../errors.ts'

/** Makes a client, which is not connected yet. */
export type NewClient = (config: ClientConfig) => Client

/** The driver, which is an optional peer. @throws {StoreError} `unavailable` where it is not installed */
export async function loadDriver(): Promise<NewClient> {
  try {
    const { default: pg } = await import('pg')
    return (config) => new pg.Client(config)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    const why = 'PostgresStore needs the package pg, which is not installed: npm install pg'
    throw new StoreError('unavailable', why, { cause: error })
  }
}
