import { type Command, Option } from 'commander'
import { secretCommand } from '../credentials/secrets.ts'
import { logFormatOption } from './log-format.ts'
import { addDatabaseOptions, productionDatabase } from './open-store.ts'
import { addExposureOptions } from './serve-exposure.ts'
import { developmentDatabase, type ServeFlags } from './serve-flags.ts'
import { longestTimer, parseCount, parseNetworks, parsePort, parseUrls } from './settings.ts'

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
      new Option('--host <address>', 'the address to listen on; 0.0.0.0 for all')
        .env('CQ_HOST')
        .default('127.0.0.1'),
    )
    .option(
      '--dev',
      'development: data/cq.db in this directory, with sample units if it is new; generates secrets, a demo user and an API key, and keeps them beside it in dev.env; refuses any other database',
    )
  addDatabaseOptions(command)
  addExposureOptions(command)
    .option('--read-only', 'serve an existing database without writing to it; refuses writes')
    .option('--quick-check', 'check the whole file for damage first, and refuse a damaged one')
    .addOption(
      new Option(
        '--trust-proxy <addresses>',
        'proxies whose X-Forwarded-For is trusted, separated by commas',
      )
        .env('CQ_TRUST_PROXY')
        .argParser(parseNetworks),
    )
    .addOption(
      new Option('--log-level <level>', 'the lowest level that is logged, to standard output')
        .env('CQ_LOG_LEVEL')
        .choices(logLevels)
        .default('info'),
    )
    .addOption(logFormatOption)
    .addOption(
      new Option(
        '--readers <count>',
        'reader threads (default: one per core, at most 8, of which one serves long reads only); with PostgreSQL, connections that read (default: 4)',
      )
        .env('CQ_READERS')
        .argParser(parseCount(1, 64)),
    )
    .addOption(
      new Option(
        '--replicas <urls>',
        'streaming standbys of the PostgreSQL database, separated by commas: they are read from where they have what this server wrote',
      )
        .env('CQ_DATABASE_REPLICAS')
        .argParser(parseUrls),
    )
    .addOption(
      new Option(
        '--rankers <count>',
        'threads that answer queries, each with all approved units in memory',
      )
        .env('CQ_RANKERS')
        .argParser(parseCount(1, 64))
        .default(1),
    )
    .addOption(
      new Option(
        '--durability <kind>',
        'what an acknowledged write survives: normal, a crash; full, also a power loss',
      )
        .env('CQ_DURABILITY')
        .choices(['normal', 'full'])
        .default('normal'),
    )
    .addOption(
      new Option(
        '--max-queue <count>',
        'calls that may wait for a thread; one more is answered 503',
      )
        .env('CQ_MAX_QUEUE')
        .argParser(parseCount(1))
        .default(10_000),
    )
    .addOption(
      new Option(
        '--max-queue-bytes <count>',
        'bytes of text in writes that wait; one more is answered 503',
      )
        .env('CQ_MAX_QUEUE_BYTES')
        .argParser(parseCount(1))
        .default(67_108_864),
    )
    .addOption(
      new Option(
        '--timeout <milliseconds>',
        'how long a call to the store may take; then it is answered 503',
      )
        .env('CQ_TIMEOUT')
        .argParser(parseCount(1, longestTimer))
        .default(30_000),
    )
    .addOption(
      new Option('--max-connections <count>', 'open connections; one more is closed on arrival')
        .env('CQ_MAX_CONNECTIONS')
        .argParser(parseCount(1, 1_000_000))
        .default(2_000),
    )
    .addOption(
      new Option(
        '--grace-period <milliseconds>',
        'how long requests under way may take after SIGTERM',
      )
        .env('CQ_GRACE_PERIOD')
        .argParser(parseCount(0, longestTimer))
        .default(10_000),
    )
    .addHelpText(
      'after',
      `
Without --database-url, --db-path and their variables the database is ${productionDatabase}, with --dev
${developmentDatabase} in this folder.

Secrets, from the environment only, and required without --dev:
  CQ_JWT_SECRET      signs logins; at least 32 bytes
  CQ_API_KEY_PEPPER  hashes API keys; another one makes every key invalid

Make each of them once, and keep it where nobody else can read it:
  $ ${secretCommand}

A flag wins over the environment, and a database URL over a path. The first signal lets what is under way
finish; a second one ends the process at once.

Examples:
  $ cq-store serve --dev
  $ CQ_DB_PATH=/var/lib/cq/cq.db cq-store serve --host 0.0.0.0 --port 8080`,
    )
    .action(async (flags: ServeFlags, self: Command) => {
      // Loaded only to serve, since it loads the whole server.
      const { serve } = await import('./serving.ts')
      await serve(flags, self, environment)
    })
}
