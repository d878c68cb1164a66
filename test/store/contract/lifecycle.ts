import { describe, expect, it, onTestFinished } from 'vitest'
import { StoreError } from '../../../src/index.ts'
import { sampleUnit, unitId } from '../samples.ts'
import { callUntyped, goodArguments, storeMethods } from './arguments.ts'
import { outcome } from './failure.ts'
import type { OpenStore } from './open-store.ts'

const noon = new Date('2026-11-22T12:00:00.000Z')

export function describeLifecycle(openStore: OpenStore): void {
  describe('readiness', () => {
    it('is there while the store is open', async () => {
      const store = await openStore({})
      expect(await store.readiness()).toEqual({ isReady: true })
      const closed = store.close()
      expect(await store.readiness()).toEqual({ isReady: false, reason: 'the store is closed' })
      await closed
    })
  })

  describe('close', () => {
    /** A store that is closed after the test, whatever becomes of it. */
    const open = async () => {
      const store = await openStore({})
      onTestFinished(() => store.close())
      return store
    }

    it('makes every method reject with closed, also with wrong arguments', async () => {
      const store = await open()
      expect(await store.close()).toBeUndefined()
      for (const method of storeMethods)
        for (const args of [goodArguments[method], [Symbol('wrong'), null]]) {
          const error = await callUntyped(store, method, args).catch((reason: unknown) => reason)
          expect(error, method).toBeInstanceOf(StoreError)
          expect(error, method).toMatchObject({ code: 'closed' })
        }
      expect(await store.close()).toBeUndefined()
    })

    it('takes nothing new, finishes what was accepted, and ends once for all who called it', async () => {
      const store = await open()
      const units = Array.from({ length: 1500 }, (_, number) => sampleUnit(unitId(number), noon))
      await store.insert(sampleUnit(unitId(0), noon))
      const ended: string[] = []
      const accepted = [
        ...units.slice(1).map((unit) => store.insert(unit)),
        ...units.slice(0, 100).map(() => store.getAny(unitId(0))),
        store.insert(sampleUnit(unitId(0), noon)),
        store.stats(),
        store.listUnits(),
      ].map((call) => outcome(call).finally(() => ended.push('call')))

      const first = store.close().then(() => ended.push('first close'))
      const refused = storeMethods.map((method) =>
        outcome(callUntyped(store, method, goodArguments[method])),
      )
      expect(await Promise.all(refused)).toEqual(storeMethods.map(() => ({ code: 'closed' })))
      await store.close()
      ended.push('second close')
      await first

      expect(ended).toEqual([...accepted.map(() => 'call'), 'first close', 'second close'])
      const outcomes = await Promise.all(accepted)
      expect(outcomes.filter((one) => 'code' in one)).toEqual([{ code: 'conflict' }])
    })

    it('is what the end of an `await using` block does', async () => {
      let left: Awaited<ReturnType<OpenStore>>
      let inserted: Promise<unknown>
      {
        await using store = await open()
        inserted = outcome(store.insert(sampleUnit(unitId(1), noon)))
        left = store
      }
      expect(await outcome(left.count())).toEqual({ code: 'closed' })
      expect(await inserted).toEqual({ value: undefined })
      await left[Symbol.asyncDispose]()
    })
  })
}
