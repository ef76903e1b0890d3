import { createHash } from 'node:crypto'
import type { Connection } from './connection.js'
import type { Keys, Place } from './keys.js'
import { slotOf } from './slots.js'
import { everyPlace, stands, type Home, type Master, type Topology } from './topology.js'

/** Slots from `from` to `to`, both included, and who holds them, as `host:port`. */
export interface SlotRange {
  readonly from: number
  readonly to: number
  /** The master. */
  readonly address: string
  readonly replicas: readonly string[]
}

const digestOf = (...parts: readonly string[]): string =>
  createHash('sha1').update(parts.join()).digest('hex').slice(0, 16)

/** The places of a namespace with their slots, which never change. */
export function slotsOfPlaces(keys: Keys): ReadonlyMap<Place, number> {
  return new Map(everyPlace.map((place) => [place, slotOf(keys.braces(place))]))
}

export class ClusterTopology implements Topology {
  readonly isCluster = true
  readonly masters: readonly Master[]
  /** Places that nobody holds. */
  readonly lost: readonly Place[]
  readonly redisId: string | undefined
  private readonly owners = new Map<Place, Master>()
  private readonly byAddress: ReadonlyMap<string, Master>

  constructor(
    readonly ranges: readonly SlotRange[],
    slots: ReadonlyMap<Place, number>,
    connectionTo: (address: string) => Connection,
  ) {
    const places = new Map<string, Place[]>()
    for (const [place, slot] of slots) {
      const address = addressOf(ranges, slot)
      if (address !== undefined) places.set(address, [...(places.get(address) ?? []), place])
    }
    this.byAddress = new Map(Array.from(places, ([address, held]) => [address, masterOf(connectionTo(address), held)]))
    for (const [address, held] of places) {
      const master = this.byAddress.get(address)
      if (master) for (const place of held) this.owners.set(place, master)
    }
    this.masters = [...this.byAddress.values()]
    this.lost = everyPlace.filter((place) => !this.owners.has(place))
    const ids = this.masters.map(({ lineage }) => lineage?.id)
    const isNamed = this.lost.length === 0 && !ids.includes(undefined)
    this.redisId = isNamed ? digestOf(...ids.map(String).toSorted()) : undefined
  }

  masterOf(place: Place): Master {
    const owner = this.owners.get(place)
    if (owner === undefined) throw new Error('no master of the Cluster is known to hold its slot')
    return owner
  }

  masterOfKey(key: string): Master | undefined {
    return this.byAddress.get(addressOf(this.ranges, slotOf(key)) ?? '')
  }

  /** Each place is held by a master that is connected and has said which history it holds. */
  get isWhole(): boolean {
    return this.lost.length === 0 && stands(this) && this.redisId !== undefined
  }

  equals(other: ClusterTopology): boolean {
    return (
      this.masters.length === other.masters.length &&
      this.masters.every(
        (master, at) =>
          master.connection === other.masters[at]?.connection &&
          master.number === other.masters[at].number &&
          master.home?.digest === other.masters[at].home?.digest &&
          master.home?.place === other.masters[at].home?.place,
      ) &&
      everyPlace.every((place) => this.owners.get(place)?.connection === other.owners.get(place)?.connection)
    )
  }
}

const addressOf = (ranges: readonly SlotRange[], slot: number): string | undefined =>
  ranges.find(({ from, to }) => from <= slot && slot <= to)?.address

function masterOf(connection: Connection, places: readonly Place[]): Master {
  const { number } = connection
  const lineage = connection.lineageOf(number)
  const [place = 'namespace'] = places
  const home: Home = { place, digest: lineage && digestOf(lineage.id, ...places.map(String)) }
  return { connection, number, lineage, home }
}
