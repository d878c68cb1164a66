import type { TestProject } from 'vitest/node'
import { startServer } from './server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Of a superuser of the server that all tests share. */
    readonly postgresUrl: string
    /** What served stores are of. */
    readonly engine?: 'sqlite' | 'postgres'
  }
}

/** One server for all tests of a run: that of `CQ_TEST_DATABASE_URL`, or one that is started here. */
export default async function setup(
  project: TestProject,
): Promise<(() => Promise<void>) | undefined> {
  const { CQ_TEST_DATABASE_URL: url } = process.env
  if (url !== undefined) {
    project.provide('postgresUrl', url)
    return undefined
  }
  const server = await startServer()
  project.provide('postgresUrl', server.url)
  return () => server.stop()
}
