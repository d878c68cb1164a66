/** Where failures are reported that no caller waits for. A pino logger fits. */
export interface Log {
  warn(details: object, message: string): void
  error(details: object, message: string): void
}
