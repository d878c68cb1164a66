/** Where the store tells of what no caller is there to hear. A pino logger fits. */
export interface Log {
  warn(details: object, message: string): void
  error(details: object, message: string): void
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
