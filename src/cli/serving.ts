import { once } from 'node:events'
import { existsSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import type { Command } from 'commander'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { faultOfSecrets, type Secrets } from '../credentials/secrets.ts'
import { isWritable } from '../offload/readable-file.ts'
import { isPostgresUrl } from '../postgres/url.ts'
import { MetricsAddressError } from '../server/metrics-address.ts'
import { createServer } from '../server/server.ts'
import type { Store } from '../store.ts'
import { claimDatabase, type DevelopmentSecrets, fillDatabase, secretsFile } from './development.ts'
import { type EndingSignal, type Interrupted, Interruption } from './interruption.ts'
import {
  type Database,
  naming,
  openOnServer,
  openStore,
  productionDatabase,
  ServerDatabase,
} from './open-store.ts'
import { type ExposureSettings, exposure } from './serve-exposure.ts'
import { developmentDatabase, type ServeFlags } from './serve-flags.ts'
import { serverLog } from './server-log.ts'
import {
  databasePath,
  databaseSetting,
  longestTimer,
  postgresUrl,
  SettingError,
  secretVariables,
} from './settings.ts'

/** Serves a database until a signal. */
export async function serve(
  flags: ServeFlags,
  command: Command,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const logger = await serverLog(flags)
  const signal = await serveUntilStopped(flags, command, environment, logger)
  logger.info({ signal }, 'stopped')
}

/** How long ending may take beyond the grace period of requests, in milliseconds. */
const endPatience = 2_000

/** Serves until a signal, and then closes everything in order. */
async function serveUntilStopped(
  flags: ServeFlags,
  command: Command,
  environment: NodeJS.ProcessEnv,
  logger: Logger,
): Promise<EndingSignal> {
  const database = servedDatabase(flags, command, environment)
  if (flags.dev && flags.readOnly)
    throw new SettingError('--dev fills the database that it serves, and takes no --read-only')
  const exposed = exposure(flags)
  const setting = databaseSetting(flags, environment)?.name ?? 'which is the default'
  const path = `${database}`
  const development = flags.dev
    ? await naming(path, claimDatabase(path, setting, environment))
    : undefined
  const { jwtSecret, apiKeyPepper } = development ?? productionSecrets(environment)
  using interruption = new Interruption(Math.min(flags.gracePeriod + endPatience, longestTimer))
  const stopped = once(interruption.signal, 'abort')
  const store = await open(database, flags, logger)
  let signal: EndingSignal | undefined
  try {
    if (development) await fillDatabase(store, path, development, environment)
    const server = await createServer({
      store,
      jwtSecret,
      apiKeyPepper,
      logger,
      ...exposed,
      maxConnections: flags.maxConnections,
      closeGrace: flags.gracePeriod,
      ...(flags.trustProxy && { trustProxy: [...flags.trustProxy] }),
    })
    try {
      await listen(server, flags, command, logger)
      if (development) await introduce(server, store, path, development, exposed)
      await stopped
      signal = (interruption.signal.reason as Interrupted).signal
      logger.info({ signal }, 'stopping: finishing what is under way')
    } finally {
      await server.close()
    }
  } finally {
    await store.close().catch((error: unknown) => {
      if (!signal) throw error
      // A thread that does not end would keep the process alive, too.
      logger.error({ signal, err: error }, 'stopped, though not all of it has ended')
      interruption.end(signal)
    })
  }
  return signal
}

/** The database to serve. @throws {SettingError} for settings that it has not */
function servedDatabase(
  flags: ServeFlags,
  command: Command,
  environment: NodeJS.ProcessEnv,
): Database {
  const url = postgresUrl(flags, environment)
  if (url === undefined && flags.replicas)
    throw new SettingError('--replicas is for a PostgreSQL database, and not for a file')
  if (url === undefined)
    return databasePath(flags, environment, flags.dev ? developmentDatabase : productionDatabase)
  if (!(flags.replicas ?? []).every(isPostgresUrl))
    throw new SettingError('--replicas must be URLs such as postgresql://user@host/name')
  for (const [name, option] of Object.entries(ofFiles)) {
    const source = command.getOptionValueSource(name)
    if (source !== undefined && source !== 'default')
      throw new SettingError(`${option} is for database files, and not for a PostgreSQL database`)
  }
  return new ServerDatabase(url)
}

/** Settings that only files have. */
const ofFiles = {
  dev: '--dev',
  readOnly: '--read-only',
  quickCheck: '--quick-check',
  durability: '--durability',
}

async function open(database: Database, flags: ServeFlags, log: Logger): Promise<Store> {
  const { readOnly, quickCheck, readers, replicas, rankers, durability } = flags
  const { maxQueue, maxQueueBytes, timeout } = flags
  const limits = { maxQueue, maxQueueBytes, timeout }
  if (typeof database !== 'string')
    return openOnServer(database, { connections: readers, replicas, rankers, ...limits, log })
  const path = database
  try {
    return await openStore(path, {
      readOnly,
      quickCheck,
      readers,
      rankers,
      durability,
      ...limits,
      log,
    })
  } catch (error) {
    if (readOnly || !existsSync(path) || (await isWritable(path))) throw error
    const hint = 'with --read-only, what is there is served all the same'
    throw new Error(`${(error as Error).message}; ${hint}`, { cause: error })
  }
}

/** @throws {SettingError} */
function productionSecrets({
  CQ_JWT_SECRET: jwtSecret = '',
  CQ_API_KEY_PEPPER: apiKeyPepper = '',
}: NodeJS.ProcessEnv): Secrets {
  const secrets = { jwtSecret, apiKeyPepper }
  const found = faultOfSecrets(secrets)
  if (!found) return secrets
  throw new SettingError(`${secretVariables[found.name]} ${found.fault}`)
}

async function listen(
  server: FastifyInstance,
  { host, port }: ServeFlags,
  command: Command,
  logger: Logger,
): Promise<void> {
  try {
    await server.listen({ host, port, listenTextResolver: (address) => `listening at ${address}` })
  } catch (error) {
    logger.debug({ err: error }, 'could not listen')
    if (error instanceof MetricsAddressError) {
      const reason = reasonNotToListen(error.cause, usedFor('metrics', command))
      throw new Error(`can't listen on ${error.address} for metrics: ${reason}`, { cause: error })
    }
    const reason = reasonNotToListen(error, usedFor('port', command), usedFor('host', command))
    throw new Error(`can't listen on ${host}:${port}: ${reason}`, { cause: error })
  }
}

function reasonNotToListen(error: unknown, portSetting: string, hostSetting = portSetting): string {
  const { code, message } = error as NodeJS.ErrnoException
  const otherPort = `Choose another port with ${portSetting}`
  if (code === 'EADDRINUSE') return `another program listens there. ${otherPort}`
  if (code === 'EACCES') return `that needs rights that this process does not have. ${otherPort}`
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return `this machine has no such address. Choose another one with ${hostSetting}`
  return message
}

/** How a setting was given, by flag or variable; if by neither, how it can be given. */
function usedFor(setting: 'port' | 'host' | 'metrics', command: Command): string {
  const source = command.getOptionValueSource(setting)
  const [flag, variable] = [`--${setting}`, `CQ_${setting.toUpperCase()}`]
  if (source === 'default') return `${flag} or ${variable}`
  return source === 'env' ? variable : flag
}

async function introduce(
  server: FastifyInstance,
  store: Store,
  path: string,
  { username, password }: DevelopmentSecrets,
  { prefix, docs, dashboard }: ExposureSettings,
): Promise<void> {
  const { address, family, port } = server.server.address() as AddressInfo
  const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}${prefix}`
  const pending = await store.pendingCount()
  // Only where somebody reads it, and not where it may be kept in a log.
  const shown = process.stdout.isTTY ? `the password ${password}` : 'the password in that file'
  const review = `
Review ${pending} pending units in the dashboard:
  ${url}/ui/
Log in as ${username}, with ${shown}.
`
  process.stdout.write(
    `cq-store serves ${await store.count()} knowledge units from ${path}
at ${url}${docs ? `, with pages to browse at ${url}/docs` : ''}

The login of ${username} and an API key are in ${secretsFile(path)}.
${dashboard ? review : ''}
Try:
  curl '${url}/api/v1/knowledge?domains=sqlite&domains=nodejs&languages=typescript&limit=3'

`,
  )
}
