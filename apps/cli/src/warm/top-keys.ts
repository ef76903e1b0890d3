import { parseKey } from '@freshet/cache-keys'
import type { HourKey } from '@freshet/hot-keys'
import type { RunKey } from '@freshet/cache-warmer/runs'
import type { ChosenTemplate } from './chosen-templates.js'
import { runKey } from './listed-keys.js'

export interface TopRunKeys {
  /** The hottest first. */
  readonly keys: readonly RunKey[]
  /** Of no template that is registered, or of a query that only its digest is left of. */
  readonly leftOut: number
}

type Ranked = readonly Pick<HourKey, 'owner' | 'template' | 'key'>[]

/**
 * The keys that are read most, as far as their parameters can be read from their texts: those of the last day, and where
 * they are too few, as in a system that is new, those of the last hour.
 */
export function topRunKeys(
  ofDay: Ranked,
  ofHour: Ranked,
  templates: readonly ChosenTemplate[],
  most: number,
): TopRunKeys {
  const named = new Map([...ofDay, ...ofHour].map((key) => [`${key.owner}\n${key.template}\n${key.key}`, key]))
  const ranked = [...named.values()].slice(0, most)
  const keys = ranked.flatMap(({ owner, template: name, key }) => {
    const chosen = templates.find((each) => each.owner === owner && each.name === name)
    const parameters = chosen && parseKey(chosen.template, key)
    return parameters ? [runKey(chosen, parameters)] : []
  })
  return { keys, leftOut: ranked.length - keys.length }
}
