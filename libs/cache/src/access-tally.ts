import type { Catalog } from '@freshet/catalog'
import type { AccessOutcomes, AccessStatsRecord } from '@freshet/events'
import { AccessCounter } from '@freshet/hot-keys'
import type { Address } from './address.js'
import type { Layer } from './occurrence.js'
import type { Found } from './reader.js'

/** What was read since the last one was taken. */
export type Accesses = Pick<AccessStatsRecord, 'keys' | 'templates'>

/** All key texts of one interval together, so that the record stays below what a broker takes (1 MiB by default). */
const MAX_KEY_CHARACTERS = 200_000

type Outcomes = { -readonly [Name in keyof AccessOutcomes]: number }

/**
 * Counts the reads of this client: their keys as far as a sketch can tell them apart, and exactly how each template's were
 * answered. A hit in L1 passes here too, so that counting one is a step in the sketch and one addition.
 */
export class AccessTally {
  readonly #counter: AccessCounter
  readonly #catalog: Catalog
  #templates = new Map<string, Outcomes>()

  /** `top`: keys that one interval reports. */
  constructor(catalog: Catalog, top: number) {
    this.#catalog = catalog
    this.#counter = new AccessCounter({ top })
  }

  /** One read: of its key at once, and of who answered it once that is known. A load that fails is no answer of a layer. */
  count({ id, template: { name } }: Address, found: Found | Promise<Found>): void {
    this.#counter.read(id)
    if (!(found instanceof Promise)) this.#answered(name, found[1].layer)
    else
      void found.then(
        ([, { layer }]) => this.#answered(name, layer),
        () => this.#answered(name, 'source'),
      )
  }

  /** Ends the interval. Undefined: nothing was read. */
  take(): Accesses | undefined {
    const templates = Object.fromEntries(this.#templates)
    this.#templates = new Map()
    const names = new Map([...this.#catalog.templates.values()].map(({ fingerprint, name }) => [fingerprint, name]))
    let characters = 0
    const keys = this.#counter.take().flatMap(({ key: id, count }) => {
      const end = id.indexOf(':') // of the fingerprint, as addresses are made
      const template = names.get(id.slice(0, end))
      characters += id.length
      return template === undefined || characters > MAX_KEY_CHARACTERS
        ? []
        : [{ template, key: id.slice(end + 1), count }]
    })
    return keys.length === 0 && Object.keys(templates).length === 0 ? undefined : { keys, templates }
  }

  #answered(template: string, layer: Layer): void {
    let outcomes = this.#templates.get(template)
    if (outcomes === undefined) {
      outcomes = { l1: 0, l2: 0, missed: 0 }
      this.#templates.set(template, outcomes)
    }
    outcomes[layer === 'source' ? 'missed' : layer]++
  }
}
