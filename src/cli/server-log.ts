import { type Logger, pino } from 'pino'
import { inFormat, type LogFormat } from './log-format.ts'
import { LogOutput } from './log-output.ts'
import { allowLostOutput } from './output.ts'

export interface LogSettings extends LogFormat {
  readonly logLevel: string
}

/**
 * A server's log on standard output. Whoever collects it may go away or fall behind, or its disk be full: the
 * server goes on without a log, says so once on standard error, and logs how much was lost once it can.
 */
export async function serverLog(settings: LogSettings): Promise<Logger> {
  allowLostOutput()
  const output = new LogOutput({
    onFault: ({ message }) => {
      process.stderr.write(
        `cq-store: the log can't be written to the standard output, and serving goes on: ${message}\n`,
      )
    },
    onRecovered: (lost) =>
      logger.warn({ lost }, `${lost} lines of the log were lost before this one`),
  })
  const logger: Logger = pino({ level: settings.logLevel }, await inFormat(settings, output))
  return logger
}
