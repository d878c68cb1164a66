import { Option } from 'commander'
import { type Logger, pino } from 'pino'

export interface LogSettings {
  readonly logLevel: string
  readonly logFormat: 'auto' | 'json' | 'pretty'
}

export const logFormatOption = new Option(
  '--log-format <format>',
  'json, one object a line; pretty, for people; or auto: pretty on a terminal, and json elsewhere',
)
  .env('CQ_LOG_FORMAT')
  .choices(['auto', 'json', 'pretty'])
  .default('auto')

/** The server's log, on the standard output. */
export async function serverLog({ logLevel, logFormat }: LogSettings): Promise<Logger> {
  const isPretty = logFormat === 'pretty' || (logFormat === 'auto' && process.stdout.isTTY)
  if (!isPretty) return pino({ level: logLevel })
  const { prettyFactory } = await import('pino-pretty')
  const prettify = prettyFactory({
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
  })
  const output = pino.destination()
  // Line by line and at once, unlike pino-pretty's own stream, which an exit would cut short.
  return pino({ level: logLevel }, { write: (line) => output.write(prettify(line) ?? '') })
}
