import { type Logger, pino } from 'pino'
import { inFormat, type LogFormat } from './log-format.ts'
import { allowLostOutput } from './output.ts'

export interface LogSettings extends LogFormat {
  readonly logLevel: string
}

/** What is kept of a log at most that can't be written, 1 MiB; later lines are lost. */
const mostKept = 1_048_576

/**
 * A server's log on the standard output. Whoever collects it may go away, or its disk be full: a
 * server is there to answer, so it goes on without a log, and says so once on the standard error output.
 * Once a full disk has room again, so has the log.
 */
export async function serverLog(settings: LogSettings): Promise<Logger> {
  allowLostOutput()
  const destination = pino.destination({ fd: 1, sync: true, maxLength: mostKept })
  let isTold = false
  destination.on('error', (error: Error) => {
    if (isTold) return
    isTold = true
    process.stderr.write(
      `cq-store: the log can't be written to the standard output, and serving goes on: ${error.message}\n`,
    )
  })
  return pino({ level: settings.logLevel }, await inFormat(settings, destination))
}
