import { operations } from '../../../src/operations/index.ts'
import { first, type Steps } from '../../../src/operations/operation.ts'
import { type Statement, statement } from '../../../src/statement.ts'
import './steered.ts'

export { close, default, open } from './steered.ts'

/** Reads every unit once for each pair of units: some seconds in a store of some hundred units. */
const countTriples: Statement<object, { count: number | string }> = statement(
  'count every triple of units',
  (db, _: object) =>
    db
      .selectFrom(['knowledge_units as one', 'knowledge_units as two', 'knowledge_units as three'])
      .select(({ fn }) => fn.count<number | string>('three.data').as('count')),
)

const { count } = operations

Object.assign(operations, {
  count: {
    ...count,
    *run(): Steps<number> {
      // Tells that it has begun.
      const units = yield* count.run()
      const triples = Number((yield* first(countTriples, {}))?.count)
      if (triples !== units ** 3) throw new Error(`${triples} triples of ${units} units`)
      return units
    },
  },
})
