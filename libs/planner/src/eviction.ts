import type { EvictionJson } from '@freshet/catalog'
import type { Read, Source } from './target.js'

/** A key of another cache, ready to be bound. */
export interface Eviction {
  readonly key: string
  /** By placeholder. */
  readonly sources: ReadonlyMap<string, Source>
}

/** Makes a rule's eviction ready. */
export const compileEviction = (json: EvictionJson, sourceOf: (alias: string) => Source): Eviction => ({
  key: json.key,
  sources: new Map(Object.entries(json.with).map(([placeholder, alias]) => [placeholder, sourceOf(alias)])),
})

/** The key's text, values as they are; undefined where one is null or unknown (evictions are best effort). */
export function bindEviction({ key, sources }: Eviction, read: Read): string | undefined {
  let complete = true
  const text = key.replace(/\{([^{}]*)\}/g, (_, placeholder: string) => {
    const value = read(sources.get(placeholder)?.name ?? '')
    if (value === null || value === undefined) complete = false
    return String(value)
  })
  return complete ? text : undefined
}
