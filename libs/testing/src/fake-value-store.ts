import type { Tag } from '@freshet/cache-keys'
import {
  captureOf,
  leastApplied,
  newGeneration,
  shardTagText,
  type AppliedWatermark,
  type ShardTag,
  type WindowEntry,
} from '@freshet/coherence'
import {
  placesOf,
  ValuesUnavailableError,
  type Captured,
  type CatalogInForce,
  type ReadReply,
  type ReadRequest,
  type ValueAddress,
  type ValueStore,
} from '@freshet/redis'
import { roundTrip, type FakeRedisState } from './fake-redis-state.js'

export class FakeValueStore implements ValueStore {
  constructor(
    private readonly state: FakeRedisState,
    private readonly isClosed: () => boolean,
  ) {}

  async read(request: ReadRequest, extra: readonly ShardTag[] = []): Promise<ReadReply> {
    const { server } = this
    return {
      ...(request.withApplied && { applied: leastApplied(server.applied.values()) }),
      value: server.alive(server.values, valueAt(request)),
      generations: request.tags.map((tag) =>
        server.alive(server.generations, shardTagText({ shard: request.shard, tag })),
      ),
      ...(request.windows && request.windows.length > 0 && { open: this.areOpen(request.windows) }),
      extra: await this.generations(extra),
    }
  }

  async generations(tags: readonly ShardTag[]): Promise<readonly (string | null)[]> {
    const { server } = this
    return tags.map((tag) => server.alive(server.generations, shardTagText(tag)))
  }

  async openWindows(entries: readonly WindowEntry[]): Promise<readonly boolean[]> {
    return this.areOpen(entries)
  }

  async capture(tags: readonly ShardTag[], ttlMs: number): Promise<Captured> {
    const { server } = this
    const generations = tags.map((tag) => {
      const known = server.alive(server.generations, shardTagText(tag))
      if (known !== null) return known
      const made = newGeneration()
      server.generations.set(shardTagText(tag), { content: made, expiresAtMs: server.clock() + ttlMs })
      return made
    })
    await roundTrip() // R2: records only after the generations
    const shards = [...new Set(tags.map(({ shard }) => shard))]
    return { generations, recents: shards.map((shard) => captureOf(this.server.records.get(shard))) }
  }

  async store(
    address: ValueAddress,
    bytes: Buffer,
    ttlMs: number,
    renew: readonly ShardTag[],
    renewMs = ttlMs,
  ): Promise<void> {
    const { server } = this
    for (const tag of renew) {
      const content = server.alive(server.generations, shardTagText(tag))
      const expiresAtMs = Math.max(
        server.generations.get(shardTagText(tag))?.expiresAtMs ?? 0,
        server.clock() + renewMs,
      )
      if (content !== null) server.generations.set(shardTagText(tag), { content, expiresAtMs })
    }
    server.values.set(valueAt(address), { content: Buffer.from(bytes), expiresAtMs: server.clock() + ttlMs })
  }

  async rotate(tags: readonly Tag[]): Promise<void> {
    for (const place of tags.flatMap(placesOf)) this.server.generations.delete(shardTagText(place))
  }

  async catalogInForce(owner: string, version: string): Promise<CatalogInForce | undefined> {
    return this.server.catalogs.get(`${owner}@${version}`)
  }

  async *addresses(): AsyncIterable<ValueAddress> {
    for (const place of this.server.values.keys()) yield addressAt(place)
  }

  async applied(): Promise<AppliedWatermark | undefined> {
    return leastApplied(this.server.applied.values())
  }

  private areOpen(entries: readonly WindowEntry[]): readonly boolean[] {
    const { server } = this
    return entries.map(({ shard, entry }) => server.alive(server.windows, `${shard}/${entry}`) !== null)
  }

  private get server(): FakeRedisState {
    if (this.isClosed()) throw new ValuesUnavailableError('command', 'closed')
    return this.state
  }
}

const valueAt = ({ shard, fingerprint, keyText }: ValueAddress): string => `${shard}/${fingerprint}/${keyText}`

function addressAt(place: string): ValueAddress {
  const [shard = '', fingerprint = '', ...keyText] = place.split('/')
  return { shard: Number(shard), fingerprint, keyText: keyText.join('/') }
}
