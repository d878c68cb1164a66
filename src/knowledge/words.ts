import { stemmer } from 'stemmer'
import type { KnowledgeUnit } from './records.ts'

// The words of texts, as they are indexed and searched for. They are cut and stemmed here and not by a database, so
// that every engine finds the same. Stems are by the rules of English; words of other languages mostly stay as they are.

/** The longest part of a word that tells it from others, in characters. */
const longestWord = 64
/** The most words of a text that are indexed. */
const mostWords = 5_000
/** The most different words that are searched for. */
const mostSearched = 16

/**
 * Words that say nothing in a question. They are searched for only if there are no others.
 */
const fillers = new Set(
  `a an and are as at be by can do does for from get has have how i if in into is it its my no not of on or our should
  so than that the their then there these this to use using was we what when where which while why will with you your`
    .split(/\s+/)
    .filter((word) => word !== ''),
)

/** A word of a text: where it is, and how it is compared. */
interface Word {
  readonly from: number
  readonly to: number
  readonly text: string
}

const wordPattern = /[\p{L}\p{N}\p{M}]+/gu

/** Lower case, without accents. */
function plain(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/\p{M}+/gu, '')
    .toLowerCase()
}

function* wordsIn(text: string): Generator<Word> {
  // What is one word as it is written may be several once it is decomposed: `½`.
  for (const { 0: found, index } of text.matchAll(wordPattern))
    for (const [word] of plain(found).matchAll(/[\p{L}\p{N}]+/gu))
      yield { from: index, to: index + found.length, text: word.slice(0, longestWord) }
}

/** The stems of a text's words in their order, with a space between each. */
export function stemmedText(text: string): string {
  const stems: string[] = []
  for (const word of wordsIn(text)) {
    stems.push(stemmer(word.text))
    if (stems.length === mostWords) break
  }
  return stems.join(' ')
}

/** What is searched for: stems, and the last word as far as it has been typed. */
export interface SearchedWords {
  readonly stems: readonly string[]
  /** The last word as it was written; `''` if there is none. */
  readonly beginning: string
}

/** The words of what somebody asks, at most 16 different ones. No input is wrong: what is no word is ignored. */
export function searchedWords(text: string): SearchedWords {
  const words = [...new Set(wordsIn(text).map((word) => word.text))]
  const telling = words.filter((word) => !fillers.has(word))
  const searched = (telling.length > 0 ? telling : words).slice(0, mostSearched)
  const last = searched.at(-1) ?? ''
  return {
    stems: [...new Set(searched.map(stemmer))],
    // A single letter begins too many words.
    beginning: last.length > 1 ? last : '',
  }
}

/** Where the words that were searched for stand in a unit. Positions are in UTF-16 code units of `text`. */
export interface Snippet {
  readonly field: 'summary' | 'detail' | 'action'
  /** At most 240 characters of the field, cut at words. */
  readonly text: string
  /** The words that match: where each begins, and where it ends. */
  readonly matches: readonly (readonly [from: number, to: number])[]
}

const longestSnippet = 240

/** The part of a unit's text that shows best why it was found; the beginning of its detail if no word stands there. */
export function snippetOf(insight: KnowledgeUnit['insight'], searched: SearchedWords): Snippet {
  const stems = new Set(searched.stems)
  const { beginning } = searched
  const isMatch = ({ text }: Word) =>
    stems.has(stemmer(text)) || (beginning !== '' && text.startsWith(beginning))
  let best: { field: Snippet['field']; from: number; different: number } | undefined
  for (const field of ['detail', 'action', 'summary'] as const) {
    const found: Word[] = []
    for (const word of wordsIn(insight[field])) if (isMatch(word)) found.push(word)
    for (const [at, { from }] of found.entries()) {
      const near = found
        .slice(at, at + mostSearched)
        .filter(({ to }) => to - from <= longestSnippet / 2)
      const different = new Set(near.map(({ text }) => stemmer(text))).size
      if (different > (best?.different ?? 0)) best = { field, from, different }
    }
  }
  const { field, from } = best ?? { field: 'detail' as const, from: 0 }
  const text = cutAround(insight[field], from)
  const matches: [number, number][] = []
  for (const word of wordsIn(text)) if (best && isMatch(word)) matches.push([word.from, word.to])
  return { field, text, matches }
}

/** A part of a text around a place, not longer than a snippet, that begins and ends between words. */
function cutAround(text: string, place: number): string {
  if (text.length <= longestSnippet) return text
  let from = Math.max(0, Math.min(place - longestSnippet / 4, text.length - longestSnippet))
  if (from > 0) {
    const space = text.slice(from, place).search(/\s/)
    from = space < 0 ? place : from + space + 1
  }
  const end = text.slice(from, from + longestSnippet)
  if (from + longestSnippet >= text.length) return end
  const lastSpace = end.search(/\s\S*$/)
  // Not between the halves of a surrogate pair.
  return lastSpace > 0 ? end.slice(0, lastSpace) : end.replace(/[\uD800-\uDBFF]$/, '')
}

/** The different stems of a text, without words that say nothing. */
export function tellingStems(text: string): Set<string> {
  const stems = new Set<string>()
  let words = 0
  for (const { text: word } of wordsIn(text)) {
    if (!fillers.has(word)) stems.add(stemmer(word))
    if (++words === mostWords) break
  }
  return stems
}
