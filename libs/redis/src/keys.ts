import type { ShardTag } from '@freshet/coherence'
import type { ValueAddress } from './value-store.js'

/**
 * The physical keys of a namespace. All of a shard lies in one hash slot (its braces hold namespace and shard), all of the
 * namespace's own state in another.
 */
export class Keys {
  /** Throws RangeError for a namespace that would break the hash slots. */
  constructor(readonly namespace: string) {
    if (!/^[A-Za-z0-9._-]+$/.test(namespace))
      throw new RangeError(`"${namespace}" is not a namespace; use letters, digits, ".", "_" and "-"`)
  }

  value({ shard, fingerprint, keyText }: ValueAddress): string {
    return `{${this.namespace}:${shard}}:v:${fingerprint}:${keyText}`
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
    return `{${this.namespace}:${shard}}:g:${tag}`
  }

  generationOf({ shard, tag }: ShardTag): string {
    return this.generation(shard, tag)
  }

  recent(shard: number): string {
    return `{${this.namespace}:${shard}}:r`
  }

  cursors(topic: string): string {
    return `{${this.namespace}}:cursor:${topic}`
  }

  get applied(): string {
    return `{${this.namespace}}:applied`
  }

  get catalogs(): string {
    return `{${this.namespace}}:catalogs`
  }

  gapProgress(gapId: string): string {
    return `{${this.namespace}}:gap:${gapId}`
  }
}
