import { useEffect, useState } from 'preact/hooks'

/** Whether a media query, such as `(max-width: 720px)`, is true at the moment. */
export function useMedia(query: string): boolean {
  const [isTrue, setTrue] = useState(() => matchMedia(query).matches)
  useEffect(() => {
    const media = matchMedia(query)
    const follow = () => setTrue(media.matches)
    follow()
    media.addEventListener('change', follow)
    return () => media.removeEventListener('change', follow)
  }, [query])
  return isTrue
}
