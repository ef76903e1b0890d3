import type { ShardTag, WindowEntry } from '@freshet/coherence'
import type { ValueAddress } from './value-store.js'

/** What lies in one hash slot: a shard, or the namespace's own state. */
export type Place = number | 'namespace'

/**
 * The physical keys of a namespace. All of a place lies in one hash slot: a shard's braces hold namespace and shard, those
 * of the namespace's own state the namespace.
 */
export class Keys {
  /** Throws RangeError for a namespace that would break the hash slots. */
  constructor(readonly namespace: string) {
    if (!/^[A-Za-z0-9._-]+$/.test(namespace))
      throw new RangeError(`"${namespace}" is not a namespace; use letters, digits, ".", "_" and "-"`)
  }

  value({ shard, fingerprint, keyText }: ValueAddress): string {
    return `${this.braces(shard)}:v:${fingerprint}:${keyText}`
  }

  /** The pattern of all values' keys. */
  get everyValue(): string {
    return `{${this.namespace}:*}:v:*`
  }

  /** The inverse of `value`; undefined for other keys. */
  addressIn(key: string): ValueAddress | undefined {
    const [, shard, fingerprint, keyText] = /^\{[^:]+:(\d+)\}:v:([^:]+):(.*)$/s.exec(key) ?? []
    if (fingerprint === undefined || keyText === undefined) return undefined
    return { shard: Number(shard), fingerprint, keyText }
  }

  generation(shard: number, tag: string): string {
    return `${this.braces(shard)}:g:${tag}`
  }

  generationOf({ shard, tag }: ShardTag): string {
    return this.generation(shard, tag)
  }

  /** What the keys of a tag's windows begin with; the ended generation and the window follow (`windowEntry`). */
  windowsOf(shard: number, tag: string): string {
    return `${this.braces(shard)}:w:${tag}:`
  }

  window({ shard, entry }: WindowEntry): string {
    return `${this.braces(shard)}:w:${entry}`
  }

  recent(shard: number): string {
    return `${this.braces(shard)}:r`
  }

  cursors(topic: string): string {
    return `${this.braces('namespace')}:cursor:${topic}`
  }

  get catalogs(): string {
    return `${this.braces('namespace')}:catalogs`
  }

  /** By the hour: the keys that were read most. */
  get hotHours(): string {
    return `${this.braces('namespace')}:hot-hours`
  }

  gapProgress(gapId: string): string {
    return `${this.braces('namespace')}:gap:${gapId}`
  }

  /** The namespace's; on a Cluster each master's, in its home. */
  applied(place: Place): string {
    return `${this.braces(place)}:applied`
  }

  /** On a Cluster: which home speaks for this place. */
  spokenFor(place: Place): string {
    return `${this.braces(place)}:home`
  }

  /** On a Cluster: cursors for all that this home speaks for. */
  home({ place, digest }: { readonly place: Place; readonly digest: string }): string {
    return `${this.braces(place)}:home:${digest}`
  }

  braces(place: Place): string {
    return place === 'namespace' ? `{${this.namespace}}` : `{${this.namespace}:${place}}`
  }
}
