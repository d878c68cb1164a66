import { afterAll, beforeAll } from 'vitest'
import type { Store } from '../../../src/index.ts'

/** Opens a fresh, empty Store, whose time is `now`. */
export type OpenStore = (options: { readonly now?: () => Date }) => Promise<Store>

/** One store for every test of the enclosing block, which keep apart by using names of their own. */
export function shareStore(openStore: OpenStore, now?: () => Date): { readonly store: Store } {
  let opened: Store | undefined
  beforeAll(async () => {
    opened = await openStore(now ? { now } : {})
  })
  afterAll(() => opened?.close())
  return {
    get store() {
      if (!opened) throw new Error('the store is open only while tests run')
      return opened
    },
  }
}
