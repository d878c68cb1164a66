import { longRead, operations, read, write } from '../../src/offload/index.ts'
import { type Item, type NewItem, statements } from './item.ts'

/** What typed operations do with the same statements as all others. */
export default operations({
  get: read((db, id: number) => db.prepare<Item>(statements.get).get(id)),
  insert: write((db, { tag, text, number }: NewItem) =>
    Number(db.prepare(statements.insert).run(tag, text, number).lastInsertRowid),
  ),
  count: longRead((db, most: number) => db.prepare(statements.count).pluck<number>().get(most)),
})
