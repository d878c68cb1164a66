import {
  elementScroll,
  observeElementOffset,
  observeElementRect,
  Virtualizer,
} from '@tanstack/virtual-core'
import type { RefObject } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'

interface VirtualRows {
  /** The rows that are in sight or nearly so, as positions in the list. */
  readonly indexes: readonly number[]
  /** The height, in pixels, of the rows that are left out before and after them. */
  readonly before: number
  readonly after: number
}

/**
 * Of a list whose rows have one height, those that have to be rendered. The whole list is as high as if all were,
 * so that the scroll bar tells the truth.
 */
export function useVirtualRows(
  scroller: RefObject<HTMLElement | null>,
  count: number,
  rowHeight: number,
  initialOffset: number,
): VirtualRows {
  const [, render] = useState({})
  const made = useRef<Virtualizer<HTMLElement, Element> | null>(null)
  const options = {
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 8,
    initialOffset,
    observeElementOffset,
    observeElementRect,
    scrollToFn: elementScroll,
    onChange: () => render({}),
  }
  made.current ??= new Virtualizer<HTMLElement, Element>(options)
  const virtualizer = made.current
  virtualizer.setOptions(options)
  useLayoutEffect(() => virtualizer._didMount(), [virtualizer])
  useLayoutEffect(() => virtualizer._willUpdate())
  useLayoutEffect(() => virtualizer.measure(), [virtualizer, rowHeight])

  const items = virtualizer.getVirtualItems()
  const last = items.at(-1)
  return {
    indexes: items.map(({ index }) => index),
    before: items[0]?.start ?? 0,
    // Before it is measured, nothing is in sight; but it must be possible to scroll to where one was.
    after: virtualizer.getTotalSize() - (last?.end ?? 0),
  }
}
