import { closest, distance } from 'fastest-levenshtein'

/** What a misspelt name was meant to be, or else what there is to choose from. */
export function suggest(wrong: string, known: readonly string[]): { fix?: string } {
  const meant = nearest(wrong, known)
  if (meant !== undefined) return { fix: `did you mean "${meant}"?` }
  if (known.length === 0) return {}
  return { fix: `there are: ${known.slice(0, 12).join(', ')}${known.length > 12 ? ', ...' : ''}` }
}

/** The name that was most likely meant; undefined where none is near enough. */
export function nearest(wrong: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined
  const lower = wrong.toLowerCase()
  const near = closest(
    lower,
    known.map((name) => name.toLowerCase()),
  )
  const tolerated = Math.min(Math.max(2, Math.floor(wrong.length / 3)), wrong.length - 1)
  return distance(lower, near) <= tolerated ? known.find((name) => name.toLowerCase() === near) : undefined
}
