import { writeSync } from 'node:fs'
import { SqliteStore } from '../../../src/index.ts'
import { sampleUnit, unitId } from '../../store/samples.ts'

/** A process that writes until it is killed, and tells of each write that it was sent, and acknowledged. */

const [path = '', first = '0'] = process.argv.slice(2)
const noon = new Date('2026-11-22T12:00:00Z')
const tell = (what: string) => writeSync(1, `${what}\n`)
const confirmed = unitId(0)
let next = Number(first)

const unit = (number: number) =>
  sampleUnit(unitId(number), noon, { extensions: { 'a:b': 'x'.repeat((number * 7919) % 20_000) } })

async function write(store: SqliteStore): Promise<void> {
  const number = next
  next += 5
  const [kind, call] = (
    [
      ['insert', () => store.insert(unit(number))],
      ['many', () => store.insertMany([0, 1, 2, 3, 4].map((more) => unit(number + more)))],
      ['confirm', () => store.confirm(confirmed)],
      [
        'decide',
        async () => {
          await store.insert(unit(number))
          await store.decide(unitId(number), 'approved', 'carol')
        },
      ],
    ] as const
  )[(number / 5) % 4] as [string, () => Promise<unknown>]
  tell(`sent ${kind} ${number}`)
  await call()
  tell(`done ${kind} ${number}`)
}

// Opened and closed again and again, so that it is killed in that, too.
for (;;) {
  await using store = await SqliteStore.open({ path, readers: 1, rankers: 0 })
  if (!(await store.getAny(confirmed)))
    await store.importUnits([{ knowledge_unit: unit(0), status: 'approved' }])
  tell('opened')
  const end = next + 400
  const writer = async () => {
    while (next < end) await write(store)
  }
  await Promise.all(Array.from({ length: 8 }, writer))
}
