import { bindKey, parseKey, type BoundParameters, type Tag } from '@freshet/cache-keys'
import type { HotKey } from '../hot-keys/hot-keys.js'
import { governingTags, type Catalog, type CompiledTemplate } from '@freshet/catalog'

/** A hot key that fences can be held against. */
export interface HotTarget {
  readonly template: CompiledTemplate
  readonly key: string
  readonly parameters: BoundParameters
  /** 0: the hottest. */
  readonly rank: number
}

type Named = Pick<HotKey, 'key' | 'owner' | 'template'>

/**
 * Which hot keys a tag covers. Pure: the same keys and catalogs make the same index. A key whose template no catalog has,
 * and one of whose query only a digest is left, is in none.
 */
export class HotIndex {
  private readonly byTag = new Map<string, HotTarget[]>()

  /** `hot`: the hottest first. */
  constructor(hot: readonly Named[], catalogs: Iterable<Catalog>) {
    const templates = templatesByName(catalogs)
    for (const [rank, { key, owner, template: name }] of hot.entries())
      for (const template of templates.get(`${owner} ${name}`) ?? []) this.add(template, key, rank)
  }

  /** The hottest first. Of a whole template's tag none: it opens no windows, and refreshing all at once helps nobody. */
  coveredBy({ text, shard }: Tag): readonly HotTarget[] {
    return this.byTag.get(`${shard} ${text}`) ?? []
  }

  private add(template: CompiledTemplate, key: string, rank: number): void {
    const parameters = parseKey(template.template, key)
    if (parameters === undefined) return
    const target: HotTarget = { template, key, parameters, rank }
    for (const { text, shard } of governingTags(template, bindKey(template.template, parameters))) {
      if (shard === 'all') continue
      const covered = this.byTag.get(`${shard} ${text}`)
      if (covered) covered.push(target)
      else this.byTag.set(`${shard} ${text}`, [target])
    }
  }
}

/** By owner and name; versions that overlap have one each, where they differ. */
function templatesByName(catalogs: Iterable<Catalog>): ReadonlyMap<string, readonly CompiledTemplate[]> {
  const templates = new Map<string, Map<string, CompiledTemplate>>()
  for (const catalog of catalogs)
    for (const template of catalog.templates.values()) {
      const name = `${template.owner} ${template.name}`
      const known = templates.get(name) ?? new Map<string, CompiledTemplate>()
      templates.set(name, known.set(`${template.fingerprint} ${template.staleWhileRevalidateMs}`, template))
    }
  return new Map([...templates].map(([name, each]) => [name, [...each.values()]]))
}
