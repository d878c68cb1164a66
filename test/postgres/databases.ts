import pg from 'pg'
import { inject } from 'vitest'

/** How the texts of a database are sorted where nothing else is said. */
export type Collation = 'C' | 'ICU'

const options = {
  C: "template template0 encoding 'UTF8' locale 'C'",
  ICU: "template template0 encoding 'UTF8' locale_provider icu icu_locale 'en-US' locale 'C.UTF-8'",
} as const satisfies Record<Collation, string>

let databases = 0

/** Makes an empty database, or a copy of one, and returns its URL. */
export async function makeDatabase(collation: Collation = 'C', template?: string): Promise<string> {
  const name = `cq_${process.pid}_${++databases}_${Date.now()}`
  const how = template === undefined ? options[collation] : `template "${nameIn(template)}"`
  await query(inject('postgresUrl'), `create database ${name} ${how}`)
  const url = new URL(inject('postgresUrl'))
  url.pathname = `/${name}`
  return url.href
}

export async function dropDatabase(url: string): Promise<void> {
  await query(inject('postgresUrl'), `drop database if exists "${nameIn(url)}" with (force)`)
}

/** Runs statements on a connection of their own; returns the rows of the last. */
export async function query<Row = Record<string, unknown>>(
  url: string,
  sql: string,
  values?: unknown[],
): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const result: unknown = await client.query(sql, values)
    const last = (Array.isArray(result) ? result.at(-1) : result) as { rows: Row[] }
    return last.rows
  } finally {
    await client.end()
  }
}

function nameIn(url: string): string {
  return new URL(url).pathname.slice(1)
}
