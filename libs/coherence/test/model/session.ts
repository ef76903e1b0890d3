import type { Lineage } from '../../src/index.js'
import type { Place } from './place.js'
import type { World } from './world.js'

/** A connection was lost, or a place is held by another: nothing more goes through this session (R13). */
export class SessionOver extends Error {}
/** One for all: a stack for each would be most of a run's time. */
export const sessionOver = new SessionOver()

/** The service's session with all masters, as they were when it began. */
export class Session {
  /** By node. */
  private readonly connections: readonly number[]
  readonly lineages: readonly Lineage[]
  /** By place. */
  readonly owners: readonly number[]
  /** By node; undefined where it holds nothing. */
  readonly homes: readonly (string | undefined)[]
  readonly redisId: string

  constructor(private readonly world: World) {
    const { redis } = world
    this.connections = redis.nodes.map(({ connection }) => connection)
    this.lineages = redis.nodes.map(({ lineage }) => lineage)
    this.owners = [...redis.owners]
    this.homes = redis.nodes.map((_, at) => {
      const home = redis.homeOf(at)
      // wrong: whatever it holds when it is asked
      return world.without === 'each master speaks for what it holds now' ? home?.slice(0, home.indexOf(':') + 1) : home
    })
    this.redisId = redis.id
  }

  /** A command to whoever held this place. Throws SessionOver. */
  at(place: number): Place {
    const { redis, without } = this.world
    const owner = this.owners[place] ?? 0
    const stands = redis.owners[place] === owner && redis.node(owner).connection === this.connections[owner]
    if (!stands && without !== 'R13') throw sessionOver
    return redis.place(place)
  }

  /** What it would notice without a command. */
  get isOver(): boolean {
    const { redis } = this.world
    return (
      redis.nodes.some(({ connection }, at) => connection !== this.connections[at]) ||
      redis.owners.some((owner, place) => owner !== this.owners[place])
    )
  }
}
