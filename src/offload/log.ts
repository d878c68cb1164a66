/** Where the store tells of what no caller is there to hear. A pino logger fits. */
export interface Log {
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

/** Different messages that are remembered. */
const mostRemembered = 1_000

/** Passes each message on once. Of more than it remembers, one more message tells, and then nothing does. */
export function eachOnce(pass: (message: string) => void): (message: string) => void {
  const passed = new Set<string>()
  return (message) => {
    if (passed.size > mostRemembered || passed.has(message)) return
    passed.add(message)
    if (passed.size <= mostRemembered) pass(message)
    else pass(`there were ${mostRemembered} such messages; more are not logged`)
  }
}

/** Tells it as warnings of the process. */
export const processLog: Log = {
  warn: (details, message) => emit(details, message),
  error: (details, message) => emit(details, message),
}

function emit(details: object, message: string): void {
  const { error } = details as { error?: unknown }
  const detail = error instanceof Error ? error.stack : undefined
  process.emitWarning(message, { type: 'CqStoreWarning', ...(detail && { detail }) })
}
