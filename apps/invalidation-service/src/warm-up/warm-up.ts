import { bindKey, parseKey, templateTag } from '@freshet/cache-keys'
import type { Catalog, CompiledTemplate } from '@freshet/catalog'
import { encodeWarmRequest, parametersAsSent, type Topics } from '@freshet/events'
import { hottestOfDay, type HourKey } from '@freshet/hot-keys'
import type { BatchProducer, OutgoingRecord } from '@freshet/kafka'
import type { FenceSession } from '@freshet/redis'
import type { Occurrences } from '@freshet/service-kit'
import type { InvalidationOccurrences } from '../occurrences.js'

export interface WarmUpParts {
  /** So many keys at most; 0 for none. */
  readonly most: number
  readonly directory: { readonly catalogs: readonly Catalog[] }
  readonly producer: Pick<BatchProducer, 'send'>
  readonly topics: Pick<Topics, 'warmRequests'>
  readonly source: string
  readonly occurrences: Occurrences<InvalidationOccurrences>
  /** Milliseconds since 1970. */
  readonly clockMs?: () => number
}

/** Gaps come one for each partition; after the last of them floors have to pass before anything can be stored. */
const SETTLED_MS = 5_000
const WAITED_MS = 30_000
/** Behind all that is asked for because it was fenced by a change, before runs by hand. */
const PRIORITY = -1
const WITHIN_MS = 600_000

/**
 * Has what was read most in the last day loaded again when it was fenced by no change of its own: after a gap, and when a
 * catalog comes into force, whose templates begin empty.
 *
 *   idle --a gap--> gathering --no gap for 5 s, or 30 s--> asking --the warmer has it--> idle
 *
 * A restart forgets what it has gathered: who reads the keys next loads them.
 */
export class WarmUp {
  private gathered = new Set<string>()
  private firstAtMs = 0
  private lastAtMs = 0

  constructor(private readonly parts: WarmUpParts) {
    if (parts.most > 0) parts.occurrences.on('gap:applied', ({ tags }) => this.gather(tags))
  }

  /** Asks the warmer, once the gaps have settled. Rejects when Redis or Kafka do not answer; then it is tried again. */
  async look(session: FenceSession): Promise<void> {
    const nowMs = this.nowMs()
    const isSettled = nowMs - this.lastAtMs >= SETTLED_MS || nowMs - this.firstAtMs >= WAITED_MS
    if (this.gathered.size === 0 || !isSettled) return
    const tags = this.gathered
    this.gathered = new Set()
    try {
      const hottest = hottestOfDay(await session.hotHours(), nowMs)
      const records = this.requests(hottest, tags, nowMs)
      if (records.length > 0) await this.parts.producer.send(records)
      this.parts.occurrences.emit('warm-up:asked', { keys: records.length, templates: tags.size })
    } catch (error) {
      this.gather([...tags])
      throw error
    }
  }

  private gather(tags: readonly string[]): void {
    const nowMs = this.nowMs()
    if (this.gathered.size === 0) this.firstAtMs = nowMs
    this.lastAtMs = nowMs
    for (const tag of tags) this.gathered.add(tag)
  }

  private requests(hottest: readonly HourKey[], tags: ReadonlySet<string>, nowMs: number): OutgoingRecord[] {
    const { most, directory, topics, source } = this.parts
    const templates = templatesUnder(directory.catalogs, tags)
    const wanted = hottest.flatMap(({ owner, template: name, key }) => {
      for (const { template } of templates.get(`${owner} ${name}`) ?? []) {
        const parameters = parseKey(template, key)
        if (parameters) return [{ owner, template: name, key: bindKey(template, parameters).text, parameters }]
      }
      return []
    })
    return wanted.slice(0, most).map((request) => ({
      topic: topics.warmRequests,
      ...encodeWarmRequest({
        ...request,
        source,
        parameters: parametersAsSent(request.parameters),
        priority: PRIORITY,
        notBefore: nowMs,
        deadline: nowMs + WITHIN_MS,
      }),
    }))
  }

  private nowMs(): number {
    return (this.parts.clockMs ?? Date.now)()
  }
}

/** By owner and name. */
function templatesUnder(
  catalogs: readonly Catalog[],
  tags: ReadonlySet<string>,
): ReadonlyMap<string, readonly CompiledTemplate[]> {
  const fenced = catalogs
    .flatMap(({ templates }) => [...templates.values()])
    .filter(({ template }) => tags.has(templateTag(template).text))
  return Map.groupBy(fenced, ({ owner, name }) => `${owner} ${name}`)
}
