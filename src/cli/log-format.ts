import { Option } from 'commander'
import type { DestinationStream } from 'pino'

export interface LogFormat {
  readonly logFormat: 'auto' | 'json' | 'pretty'
}

export const logFormatOption = new Option(
  '--log-format <format>',
  'json, one object a line; pretty, for people; or auto: pretty on a terminal, and json elsewhere',
)
  .env('CQ_LOG_FORMAT')
  .choices(['auto', 'json', 'pretty'])
  .default('auto')

/** What a logger writes to, so that its lines reach standard output in this format. */
export async function inFormat(
  { logFormat }: LogFormat,
  output: DestinationStream,
): Promise<DestinationStream> {
  const isPretty = logFormat === 'pretty' || (logFormat === 'auto' && process.stdout.isTTY)
  if (!isPretty) return output
  const { prettyFactory } = await import('pino-pretty')
  const prettify = prettyFactory({
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss.l',
    singleLine: true,
  })
  // Line by line and synchronously: an exit would cut pino-pretty's own stream short.
  return { write: (line) => output.write(prettify(line) ?? '') }
}
