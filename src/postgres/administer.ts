import type { Finding, Rebuilt } from '../operations/unit-faults.ts'
import { check, rebuild } from './check.ts'
import { Connection, type Send } from './connection.ts'
import { loadDriver } from './driver.ts'
import { toStoreError } from './errors.ts'
import { type MigrationPlan, migrate, patiently, planIn } from './migrator.ts'
import { requireParts } from './parts.ts'
import { connectionConfig } from './url.ts'

/** How long connecting may take, in milliseconds. */
const connectTimeout = 30_000

/** What `cq-store migrate` would do. @throws {StoreError} */
export function planOnServer(url: string): Promise<MigrationPlan> {
  return onServer(url, (connection) => connection.use(wholePlan))
}

/** No step would make what has been removed since it was taken. @throws {StoreError} `corrupt` if something was */
async function wholePlan(send: Send): Promise<MigrationPlan> {
  const plan = await planIn(send)
  if (plan.steps.every(({ applied }) => applied)) await requireParts(send)
  return plan
}

/** Migrates a database. @throws {StoreError} */
export function migrateOnServer(url: string): Promise<MigrationPlan> {
  return onServer(url, async (connection) => {
    await migrate(connection)
    return connection.use(wholePlan)
  })
}

/** What is wrong with a database, after it was repaired if that is wanted. @throws {StoreError} */
export function checkOnServer(
  url: string,
  isToRebuild: boolean,
): Promise<{ readonly findings: readonly Finding[]; readonly rebuilt: Rebuilt }> {
  const work = async (send: Send) => {
    const rebuilt = isToRebuild ? await rebuild(send) : { tables: [], documents: [] }
    return { rebuilt, findings: await check(send) }
  }
  return onServer(url, (connection) => connection.use(work))
}

async function onServer<Result>(
  url: string,
  work: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const config = connectionConfig({ url })
  const settings = { config, ...patiently, connectTimeout }
  const connection = new Connection(await loadDriver(), settings)
  try {
    return await work(connection)
  } catch (error) {
    throw toStoreError(error)
  } finally {
    await connection.close()
  }
}
