import { shardOf, type Tag } from '@freshet/cache-keys'
import { parseSnapshot, type CapturedRecent, type TakenFloor } from '@freshet/coherence'
import { lsn, xid } from '@freshet/pgoutput'
import type { FenceSession, RedisPort, ShardFence } from '@freshet/redis'

/** A Redis that the contract is tried on. */
export interface RedisUnderTest {
  connect(): Promise<RedisPort>
  /** Cuts all connections; resolves once each port has a new one. */
  breakConnections(): Promise<void>
  /** Loses everything. */
  flush(): Promise<void>
  stop(): Promise<void>
}

export const shard = shardOf('member:42')
export const tag: Tag = { text: 'member:42:*', shard }
export const place = { shard, tag: tag.text }
export const hour = 3_600_000

// Around 2^53 and 2^63, where doubles and signed numbers end.
export const [early, late, far] = [xid(2n ** 53n), xid(2n ** 53n + 1n), xid(2n ** 63n)]
export const [low, middle, high] = [lsn(99n), lsn(2n ** 53n + 1n), lsn(2n ** 63n + 1n)]

/** Two services on one Redis, and what tests of it do again and again. */
export class RedisScene {
  private constructor(
    readonly redis: RedisUnderTest,
    readonly port: RedisPort,
    readonly other: RedisPort,
  ) {}

  static async open(redis: RedisUnderTest): Promise<RedisScene> {
    return new RedisScene(redis, await redis.connect(), await redis.connect())
  }

  session(): FenceSession {
    return this.port.fences.session()
  }

  async captured(): Promise<{ generations: readonly string[]; recent: CapturedRecent }> {
    const { generations, recents } = await this.port.values.capture([place], hour)
    const [recent] = recents
    if (recent === undefined) throw new Error('a capture of one shard brought no record')
    return { generations, recent }
  }

  /** A record as it is when nothing happened lately: recovered, its floor passed. */
  async settle(): Promise<void> {
    await this.session().recover([shard], floorAt(10n, 5n))
    await this.session().prune([shard], { lsn: lsn(6n), snapshot: parseSnapshot('11:11:') })
  }

  async close(): Promise<void> {
    await this.port.close()
    await this.other.close()
    await this.redis.stop()
  }
}

export const floorAt =
  (floor: bigint, pruned = 0n) =>
  (): Promise<TakenFloor> =>
    Promise.resolve({ floor: xid(floor), pruned: lsn(pruned) })

export const fenceOf = (...transactions: ShardFence['transactions']): ShardFence[] => [
  { shard, tags: [tag.text], transactions },
]
