import { useEffect, useState } from 'preact/hooks'

/** A value that components can follow. */
export class Observable<Value> {
  #value: Value
  readonly #listeners = new Set<() => void>()

  constructor(value: Value) {
    this.#value = value
  }

  get value(): Value {
    return this.#value
  }

  set(value: Value): void {
    if (Object.is(value, this.#value)) return
    this.#value = value
    for (const listener of [...this.#listeners]) listener()
  }

  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** The present value of `observable`; the component is rendered again when it changes. */
export function useObserved<Value>(observable: Observable<Value>): Value {
  const [, render] = useState({})
  useEffect(() => {
    const seen = observable.value
    const stop = observable.subscribe(() => render({}))
    // It may have changed between the rendering and this effect.
    if (!Object.is(seen, observable.value)) render({})
    return stop
  }, [observable])
  return observable.value
}
