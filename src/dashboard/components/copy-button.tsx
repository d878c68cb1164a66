import { useEffect, useState } from 'preact/hooks'
import { Button } from './button.tsx'
import { announce, showToast } from './toast.tsx'

interface CopyButtonProps {
  text: string
  label?: string
  /** What screen readers say the button copies, if the label does not say it. */
  what?: string
  kind?: 'plain' | 'primary' | 'ghost'
}

/** Puts a text on the clipboard, and says so. */
export function CopyButton({ text, label = 'Copy', what, kind = 'plain' }: CopyButtonProps) {
  const [isCopied, setCopied] = useState(false)
  useEffect(() => {
    if (!isCopied) return
    const timer = setTimeout(() => setCopied(false), 2_000)
    return () => clearTimeout(timer)
  }, [isCopied])
  const copy = async () => {
    try {
      await write(text)
      setCopied(true)
      announce('Copied.')
    } catch {
      showToast({
        message: 'The browser does not let this page copy. Select the text instead.',
        tone: 'bad',
      })
    }
  }
  const shown = isCopied ? 'Copied' : label
  return (
    <Button kind={kind} onClick={copy} aria-label={what ? `${shown} ${what}` : undefined}>
      {shown}
    </Button>
  )
}

async function write(text: string): Promise<void> {
  // Over plain HTTP, other than on this machine, browsers have no clipboard API.
  if (navigator.clipboard) return navigator.clipboard.writeText(text)
  const area = document.createElement('textarea')
  area.value = text
  area.className = 'visually-hidden'
  // Inside an open dialog, nothing outside of it can be selected.
  const host = document.querySelector('dialog[open]') ?? document.body
  host.append(area)
  area.select()
  const isDone = document.execCommand('copy')
  area.remove()
  if (!isDone) throw new Error('not copied')
}
