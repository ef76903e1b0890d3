import { SHARDS } from '@freshet/cache-keys'
import type { Command, Connection } from './connection.js'
import type { Place } from './keys.js'
import type { Lineage } from '@freshet/coherence'

/** One master that holds a part of the namespace, and the connection to it by its number. */
export interface Master {
  readonly connection: Connection
  /** Undefined while there is no connection. */
  readonly number: number | undefined
  /** The history that it holds; undefined until it has said so. */
  readonly lineage: Lineage | undefined
  /** On a Cluster: where what is to be known of this master as a whole is kept. */
  readonly home: Home | undefined
}

/** A part of a Cluster that fails over as one: these places on this lineage. */
export interface Home {
  /** The lowest that the master holds. */
  readonly place: Place
  /** Names lineage and places; undefined until the lineage is known. */
  readonly digest: string | undefined
}

/** What is written where a home is meant. */
export const homeText = ({ place, digest }: Home): string | undefined => digest && `${place}:${digest}`

/**
 * Who holds which place, over which connections: a snapshot, which is replaced by another when any of that changes. A single
 * Redis is the Cluster of one master.
 */
export interface Topology {
  readonly masters: readonly Master[]
  /** Do keys of different places stand in different hash slots, and therefore in different commands? */
  readonly isCluster: boolean
  /** Throws Error when nobody is known to hold it. */
  masterOf(place: Place): Master
  /** Of a key that is not Freshet's; undefined if it is none of these masters. */
  masterOfKey(key: string): Master | undefined
  /** Names the whole: another one when any master becomes another. Undefined while one is away or has not said who it is. */
  readonly redisId: string | undefined
}

/** Where the namespace lies, now and later. */
export interface Nodes {
  readonly topology: Topology
  /** Why `topology` is not whole; undefined when it is. */
  readonly absence: string | undefined
  /** Calls back each time a topology is whole that was not before. */
  onWhole(listener: () => void): () => void
  /** To be told of errors in replies: they may say that the topology is out of date. */
  failed(error: unknown): void
  close(): void
}

export const everyShard: readonly number[] = Array.from({ length: SHARDS }, (_, shard) => shard)
export const everyPlace: readonly Place[] = [...everyShard, 'namespace']

/** A command and who is to run it. */
export interface Addressed {
  readonly master: Master
  readonly command: Command
}

/** Does each connection of it still stand? */
export const stands = ({ masters }: Topology): boolean =>
  masters.every(({ connection, number }) => number !== undefined && connection.number === number)

/**
 * Sends each master its commands in one pipeline, on the connections of this topology (R13), and resolves with all replies in
 * the order of the commands once every master has answered. Throws the first error then.
 */
export function send(commands: readonly Addressed[]): Promise<unknown[]> {
  const [first] = commands
  if (first === undefined) return Promise.resolve([])
  const { connection, number } = first.master
  if (commands.every(({ master }) => master === first.master))
    return connection.pipeline(
      commands.map(({ command }) => command),
      number,
    )
  return sendParts(commands)
}

async function sendParts(commands: readonly Addressed[]): Promise<unknown[]> {
  const parts = new Map<Master, { commands: Command[]; positions: number[] }>()
  for (const [position, { master, command }] of commands.entries()) {
    const part = parts.get(master) ?? { commands: [], positions: [] }
    parts.set(master, part)
    part.commands.push(command)
    part.positions.push(position)
  }
  const replies: unknown[] = Array.from({ length: commands.length })
  const ended = await Promise.allSettled(
    Array.from(parts, async ([{ connection, number }, part]) => {
      const answers = await connection.pipeline(part.commands, number)
      for (const [index, position] of part.positions.entries()) replies[position] = answers[index]
    }),
  )
  for (const end of ended) if (end.status === 'rejected') throw end.reason
  return replies
}
