import { operations } from '../../../src/operations/index.ts'
import { type Statement, statement } from '../../../src/sql/statement.ts'
import { first, type Steps } from '../../../src/sql/steps.ts'

export { default } from './steered.ts'

/** Reads every unit once for each pair of units: some seconds in a store of some hundred units. */
const countTriples: Statement<object, { count: number | string }> = statement(
  'count every triple of units',
  (db, _: object) =>
    db
      .selectFrom(['knowledge_units as one', 'knowledge_units as two', 'knowledge_units as three'])
      .select(({ fn }) => fn.count<number | string>('three.data').as('count')),
)

const { reviewQueue } = operations

Object.assign(operations, {
  reviewQueue: {
    ...reviewQueue,
    *run(asked: unknown): Steps<unknown> {
      // Tells that it has begun.
      const page = yield* reviewQueue.run(asked)
      const units = page.total
      const triples = Number((yield* first(countTriples, {}))?.count)
      if (triples !== units ** 3) throw new Error(`${triples} triples of ${units} units`)
      return page
    },
  },
})
