import { writeFileSync } from 'node:fs'
import { statementTexts } from '../sql/statement.ts'
import './index.ts'

// Run by the build: what is compiled here, no process that uses the package has to load Kysely for.
const file = new URL('../sql/compiled.json', import.meta.url)
writeFileSync(
  file,
  `${JSON.stringify({ sqlite: statementTexts('sqlite'), postgres: statementTexts('postgres') })}\n`,
)
