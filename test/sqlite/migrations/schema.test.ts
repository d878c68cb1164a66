import { expect, it } from 'vitest'
import { contentOf, migrateFile, newPath } from './database-file.ts'

it('a new file has the schema that is stated here, triggers included', async () => {
  const path = newPath()
  migrateFile(path)
  const intro = '-- What a new database has. Written by schema.test.ts; vitest -u writes it anew.'
  const parts = contentOf(path).schema.flatMap(({ sql }) => (sql === null ? [] : [`${sql};`]))
  await expect(`${[intro, ...parts].join('\n\n')}\n`).toMatchFileSnapshot('schema.sql')
})
