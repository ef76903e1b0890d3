import { parseKey } from '@freshet/cache-keys'
import type { RankedKey } from '@freshet/hot-keys'
import type { RunKey } from '@freshet/cache-warmer/runs'
import type { ChosenTemplate } from './chosen-templates.js'
import { runKey } from './listed-keys.js'

export interface TopRunKeys {
  /** The hottest first. */
  readonly keys: readonly RunKey[]
  /** Of no template that is registered, or of a query that only its digest is left of. */
  readonly leftOut: number
}

/** The keys that are read most, as far as their parameters can be read from their texts. */
export function topRunKeys(
  ranked: readonly Pick<RankedKey, 'owner' | 'template' | 'key'>[],
  templates: readonly ChosenTemplate[],
): TopRunKeys {
  const keys = ranked.flatMap(({ owner, template: name, key }) => {
    const chosen = templates.find((each) => each.owner === owner && each.name === name)
    const parameters = chosen && parseKey(chosen.template, key)
    return parameters ? [runKey(chosen, parameters)] : []
  })
  return { keys, leftOut: ranked.length - keys.length }
}
