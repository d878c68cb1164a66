/** A row of the one table of this bench. */
export interface Item {
  readonly id: number
  readonly tag: string
  readonly text: string
  readonly number: number
}

export type NewItem = Omit<Item, 'id'>

export const schema =
  'create table items (id integer primary key, tag text not null, text text not null, number integer not null)'

export const statements = {
  get: 'select * from items where id = ?',
  insert: 'insert into items (tag, text, number) values (?, ?, ?)',
  /** Counts to a number, which takes as long as that is large. */
  count:
    'with recursive numbers (n) as (select 1 union all select n + 1 from numbers where n < ?) select count(*) as count from numbers',
}

export function newItem(number: number): NewItem {
  return {
    tag: `tag ${number % 97}`,
    text: 'some text of a note, as people write them '.repeat(3),
    number,
  }
}

/** Ids of a table of so many rows, in an order that no cache foresees. */
export function idOf(call: number, rows: number): number {
  return 1 + ((call * 7_919) % rows)
}
