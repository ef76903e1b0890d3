import type { Catalog } from '@freshet/catalog'
import { distance } from 'fastest-levenshtein'

/** A text is a key of no template. */
export class KeyUnknownError extends Error {
  readonly code = 'KEY_UNKNOWN'

  constructor(
    readonly key: string,
    /** The nearest first. */
    readonly nearest: readonly string[],
  ) {
    super(
      nearest.length === 0
        ? `"${key}" is a key of no template: no catalog declares any`
        : `"${key}" is a key of no template; the nearest are ${nearest.join(', ')}. A key has a value for each parameter: member:42:balance`,
    )
    this.name = 'KeyUnknownError'
  }
}

const NAMED = 3

/** The error for a key of no template, with the templates that it is nearest to. */
export function keyUnknown(key: string, catalogs: readonly Catalog[]): KeyUnknownError {
  const texts = new Set(
    catalogs.flatMap(({ templates }) => [...templates.values()].map(({ template }) => template.text)),
  )
  const nearest = [...texts]
    .map((text) => ({ text, edits: distance(likeIt(text, key), key) }))
    .sort((left, right) => left.edits - right.edits)
    .slice(0, NAMED)
    .map(({ text }) => text)
  return new KeyUnknownError(key, nearest)
}

/** The template with the key's own values in it, so that only what is fixed counts. */
function likeIt(template: string, key: string): string {
  const parts = key.split(':')
  return template
    .split(':')
    .map((segment, at) => (segment.startsWith('{') ? (parts[at] ?? segment) : segment))
    .join(':')
}
