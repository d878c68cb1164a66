import { lexer, type Token, type Tokens } from 'marked'
import type { ComponentChildren } from 'preact'
import { useMemo } from 'preact/hooks'
import './unit-text.css'

/** Deeper nesting than this is shown as it was written. */
const deepest = 12

/**
 * Text of a unit: what looks like Markdown is laid out, but nothing in it can be clicked, loaded or run. Agents write
 * it, and whoever can propose a unit must not be able to do anything to the person who reviews it.
 */
export function UnitText({ text }: { text: string }) {
  const content = useMemo(() => layOut(text), [text])
  return (
    <div class="unit-text" dir="auto">
      {content}
    </div>
  )
}

function layOut(text: string): ComponentChildren {
  try {
    return blocks(lexer(text, { gfm: true, breaks: true }), 0)
  } catch {
    // Some texts are nested too deep for the lexer.
    return <p>{text}</p>
  }
}

function blocks(tokens: readonly Token[], depth: number): ComponentChildren {
  return tokens.map((token) => block(token, depth))
}

function block(token: Token, depth: number): ComponentChildren {
  if (depth > deepest) return <p>{token.raw}</p>
  switch (token.type) {
    case 'space':
      return null
    case 'heading':
      return (
        <p class="unit-text__heading" dir="auto">
          {inline(token.tokens ?? [], depth)}
        </p>
      )
    case 'paragraph':
      return <p dir="auto">{inline(token.tokens ?? [], depth)}</p>
    case 'code':
      return (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: wide code must be scrollable by keyboard.
        <section class="unit-text__code" dir="ltr" tabIndex={0} aria-label="Code">
          <pre>
            <code>{token.text}</code>
          </pre>
        </section>
      )
    case 'blockquote':
      return <blockquote dir="auto">{blocks(token.tokens ?? [], depth + 1)}</blockquote>
    case 'list':
      return list(token as Tokens.List, depth)
    case 'table':
      return table(token as Tokens.Table, depth)
    case 'hr':
      return <hr />
    case 'html':
    case 'def':
      return <p>{token.raw.trimEnd()}</p>
    default:
      return <>{inline([token], depth)}</>
  }
}

function list({ ordered, start, items }: Tokens.List, depth: number): ComponentChildren {
  const entries = items.map((item) => (
    <li dir="auto">
      {item.task && (item.checked ? '☑ ' : '☐ ')}
      {blocks(
        item.tokens.filter(({ type }) => type !== 'checkbox'),
        depth + 1,
      )}
    </li>
  ))
  return ordered ? <ol start={Number(start) || 1}>{entries}</ol> : <ul>{entries}</ul>
}

function table({ header, rows }: Tokens.Table, depth: number): ComponentChildren {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table must be scrollable by keyboard.
    <section class="unit-text__table" tabIndex={0} aria-label="Table">
      <table>
        <thead>
          <tr>
            {header.map((cell) => (
              <th>{inline(cell.tokens, depth)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>
              {row.map((cell) => (
                <td>{inline(cell.tokens, depth)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

function inline(tokens: readonly Token[], depth: number): ComponentChildren {
  if (depth > deepest) return tokens.map(({ raw }) => raw).join('')
  return tokens.map((token) => phrase(token, depth + 1))
}

function phrase(token: Token, depth: number): ComponentChildren {
  switch (token.type) {
    case 'strong':
      return <strong>{inline(token.tokens ?? [], depth)}</strong>
    case 'em':
      return <em>{inline(token.tokens ?? [], depth)}</em>
    case 'del':
      return <del>{inline(token.tokens ?? [], depth)}</del>
    case 'codespan':
      return <code>{token.text}</code>
    case 'br':
      return <br />
    case 'text':
      return token.tokens ? inline(token.tokens, depth) : token.text
    case 'escape':
      return token.text
    // A link's address is part of what is reviewed: it is shown, however the link was written.
    case 'link':
    case 'image':
      return <span class="unit-text__inert">{token.raw}</span>
    default:
      return token.raw
  }
}
