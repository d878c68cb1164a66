import { existsSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { availableParallelism } from 'node:os'
import { type Command, Option } from 'commander'
import type { FastifyInstance } from 'fastify'
import type { Logger } from 'pino'
import { MetricsAddressError } from '../server/metrics-address.ts'
import { faultOfSecrets, type Secrets, secretCommand } from '../server/secrets.ts'
import { createServer } from '../server/server.ts'
import type { Durability } from '../sqlite/connection-options.ts'
import { isWritable } from '../sqlite/readable-file.ts'
import type { SqliteStore, SqliteStoreOptions } from '../sqlite/sqlite-store.ts'
import type { Store } from '../store.ts'
import { claimDatabase, type DevelopmentSecrets, fillDatabase, secretsFile } from './development.ts'
import { logFormatOption } from './log-format.ts'
import { addDatabaseOptions, openStore } from './open-store.ts'
import { addExposureOptions, type ExposureSettings, exposure } from './serve-exposure.ts'
import { type LogSettings, serverLog } from './server-log.ts'
import {
  type DatabaseSettings,
  databasePath,
  databaseSetting,
  parseCount,
  parseNetworks,
  parsePort,
  SettingError,
  secretVariables,
} from './settings.ts'

const productionDatabase = '/data/cq.db'
const developmentDatabase = 'data/cq.db'

interface ServeFlags extends DatabaseSettings, ExposureSettings, LogSettings {
  readonly dev?: true
  readonly port: number
  readonly host: string
  readonly readOnly?: true
  readonly trustProxy?: readonly string[]
  readonly readers: number
  readonly durability: Durability
  readonly maxQueue: number
  readonly timeout: number
}

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent']

/** Adds `serve`. */
export function addServeCommand(program: Command, environment: NodeJS.ProcessEnv): void {
  const command = program
    .command('serve')
    .description('Serve a database over HTTP until SIGTERM or SIGINT.')
    .addOption(
      new Option('--port <number>', 'the port to listen on; 0 takes any that is free')
        .env('CQ_PORT')
        .argParser(parsePort)
        .default(3000),
    )
    .addOption(
      new Option('--host <address>', 'the address to listen on; 0.0.0.0 is every one')
        .env('CQ_HOST')
        .default('127.0.0.1'),
    )
    .option(
      '--dev',
      'development: data/cq.db in this folder, filled with sample units if new; secrets, a demo user and an API key are made and kept beside it in dev.env; a database that anything else made is refused',
    )
  addDatabaseOptions(command)
  addExposureOptions(command)
    .option(
      '--read-only',
      'serve what is there, also where it cannot be written; writes are refused',
    )
    .addOption(
      new Option(
        '--trust-proxy <addresses>',
        'proxies whose X-Forwarded-For is believed, by commas',
      )
        .env('CQ_TRUST_PROXY')
        .argParser(parseNetworks),
    )
    .addOption(
      new Option('--log-level <level>', 'the least that is logged, on the standard output')
        .env('CQ_LOG_LEVEL')
        .choices(logLevels)
        .default('info'),
    )
    .addOption(logFormatOption)
    .addOption(
      new Option('--readers <count>', 'threads that read')
        .env('CQ_READERS')
        .argParser(parseCount(1, 64))
        .default(Math.min(Math.max(availableParallelism(), 1), 8)),
    )
    .addOption(
      new Option('--durability <kind>', 'what a write survives: full, a power loss, too')
        .env('CQ_DURABILITY')
        .choices(['normal', 'full'])
        .default('normal'),
    )
    .addOption(
      new Option('--max-queue <count>', 'calls that may wait for a thread; more are answered 503')
        .env('CQ_MAX_QUEUE')
        .argParser(parseCount(1))
        .default(10_000),
    )
    .addOption(
      new Option(
        '--timeout <milliseconds>',
        'how long a call may take; longer ones are answered 503',
      )
        .env('CQ_TIMEOUT')
        .argParser(parseCount(1, 2_147_483_647))
        .default(30_000),
    )
    .addHelpText(
      'after',
      `
Without --database-url, --db-path and their variables the database is ${productionDatabase}, with --dev
${developmentDatabase} in this folder.

Secrets, by the environment only, and required without --dev:
  CQ_JWT_SECRET      what logins are signed with; at least 32 bytes
  CQ_API_KEY_PEPPER  what API keys are hashed with; another one makes every key invalid

Make each of them once, and keep it where nobody else can read it:
  $ ${secretCommand}

A flag wins over the environment, and a database URL over a path. The first signal lets what is under way
finish; a second one ends the process at once.

Examples:
  $ cq-store serve --dev
  $ CQ_DB_PATH=/var/lib/cq/cq.db cq-store serve --host 0.0.0.0 --port 8080`,
    )
    .action((flags: ServeFlags, self: Command) => serve(flags, self, environment))
}

async function serve(
  flags: ServeFlags,
  command: Command,
  environment: NodeJS.ProcessEnv,
): Promise<void> {
  const logger = await serverLog(flags)
  const signal = await serveUntilStopped(flags, command, environment, logger)
  logger.info({ signal }, 'stopped')
}

/** Serves until a signal, and then lets go of everything in order. */
async function serveUntilStopped(
  flags: ServeFlags,
  command: Command,
  environment: NodeJS.ProcessEnv,
  logger: Logger,
): Promise<NodeJS.Signals> {
  const { readOnly, readers, durability, maxQueue, timeout, trustProxy } = flags
  const path = databasePath(
    flags,
    environment,
    flags.dev ? developmentDatabase : productionDatabase,
  )
  if (flags.dev && readOnly)
    throw new SettingError('--dev fills the database that it serves, and takes no --read-only')
  const exposed = exposure(flags)
  const setting = databaseSetting(flags, environment)?.name ?? 'which is the default'
  const development = flags.dev ? await claimDatabase(path, setting, environment) : undefined
  const { jwtSecret, apiKeyPepper } = development ?? productionSecrets(environment)
  const stopped = stopSignal()
  await using store = await open({
    path,
    readOnly,
    readers,
    durability,
    maxQueue,
    timeout,
    log: logger,
  })
  if (development) await fillDatabase(store, path, development)
  const server = await createServer({
    store,
    jwtSecret,
    apiKeyPepper,
    logger,
    ...exposed,
    ...(trustProxy && { trustProxy: [...trustProxy] }),
  })
  try {
    await listen(server, flags, command, logger)
    if (development) await introduce(server, store, path, development, exposed)
    const signal = await stopped
    logger.info({ signal }, 'stopping: finishing what is under way')
    return signal
  } finally {
    await server.close()
  }
}

async function open({ path, ...rest }: SqliteStoreOptions): Promise<SqliteStore> {
  try {
    return await openStore(path, rest)
  } catch (error) {
    if (rest.readOnly || !existsSync(path) || (await isWritable(path))) throw error
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

/** The first signal to stop. A second one ends the process at once. */
function stopSignal(): Promise<NodeJS.Signals> {
  const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>()
  let isStopping = false
  for (const [signal, number] of [
    ['SIGINT', 2],
    ['SIGTERM', 15],
  ] as const)
    process.on(signal, () => {
      if (isStopping) process.exit(128 + number)
      isStopping = true
      resolve(signal)
    })
  return promise
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

/** What a setting was given by, the flag or the variable; where by neither, what it can be given by. */
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
  { username }: DevelopmentSecrets,
  { prefix, docs }: ExposureSettings,
): Promise<void> {
  const { address, family, port } = server.server.address() as AddressInfo
  const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}${prefix}`
  process.stdout.write(
    `cq-store serves ${await store.count()} knowledge units from ${path}
at ${url}${docs ? `, with pages to browse at ${url}/docs` : ''}

The login of ${username} and an API key are in ${secretsFile(path)}.

Try:
  curl '${url}/api/v1/knowledge?domains=sqlite&domains=nodejs&languages=typescript&limit=3'

`,
  )
}
