import { setImmediate as nextTurn } from 'node:timers/promises'

/** How many are done before the time that took is looked at. */
const atOnce = 16
/** How long the event loop may be blocked, in milliseconds. */
const longestTurn = 0.5

/**
 * Does work for `count` items, in slices. If callers do much with each item, such as sending it over a network,
 * the event loop gets its turns in between, and nothing else waits for all of them.
 */
export function inTurns(
  count: number,
  work: (from: number, to: number) => void,
): Promise<void> | undefined {
  const began = performance.now()
  work(0, Math.min(atOnce, count))
  return count > atOnce ? goOn(began, count, work) : undefined
}

async function goOn(
  began: number,
  count: number,
  work: (from: number, to: number) => void,
): Promise<void> {
  let turnBegan = began
  for (let from = atOnce; from < count; from += atOnce) {
    // After what callers do at once.
    await new Promise<void>((resolve) => process.nextTick(resolve))
    if (performance.now() - turnBegan >= longestTurn) {
      await nextTurn()
      turnBegan = performance.now()
    }
    work(from, Math.min(from + atOnce, count))
  }
}
