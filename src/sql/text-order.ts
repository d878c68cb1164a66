/**
 * Below zero where one text comes before the other as databases order them: by code points. JavaScript's
 * `<` goes by UTF-16, in which the code points from U+10000 on come before those from U+E000 on.
 */
export function compareTexts(one: string, other: string): number {
  const end = Math.min(one.length, other.length)
  let place = 0
  while (place < end && one.charCodeAt(place) === other.charCodeAt(place)) place++
  if (place === end) return one.length - other.length
  return orderOf(one.charCodeAt(place)) - orderOf(other.charCodeAt(place))
}

/** Where a UTF-16 unit stands among others, surrogates after all those that are a code point. */
function orderOf(unit: number): number {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}
