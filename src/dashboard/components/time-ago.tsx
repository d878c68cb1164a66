const relative = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
const absolute = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'short' })
const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_557_600],
  ['month', 2_629_800],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
]

/** As in "3 days ago", "in 3 months". */
export function timeAgo(at: string, now = Date.now()): string {
  const seconds = (Date.parse(at) - now) / 1_000
  if (!Number.isFinite(seconds)) return at
  const [unit, size] = steps.find(([, size]) => Math.abs(seconds) >= size) ?? ['minute', 60]
  if (Math.abs(seconds) < 60) return 'just now'
  // What was to last 90 days is three months off, even a second later.
  const count = seconds > 0 ? Math.round(seconds / size) : Math.trunc(seconds / size)
  return relative.format(count, unit)
}

/** A time as its distance from now; the date and the time of day when pointed at. */
export function TimeAgo({ at }: { at: string }) {
  const date = new Date(at)
  return (
    <time dateTime={at} title={Number.isNaN(date.getTime()) ? at : absolute.format(date)}>
      {timeAgo(at)}
    </time>
  )
}
