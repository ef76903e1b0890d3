import { leastApplied, type AppliedWatermark } from '@freshet/coherence'
import type { Command } from './connection.js'
import type { AppliedMark, Cursor, CursorMove } from './fence-store.js'
import type { Keys } from './keys.js'
import { hashReply } from './replies.js'
import { formatApplied, formatCursor, parseApplied, parseCursor } from './state-codec.js'
import type { Addressed, Topology } from './topology.js'

/** How far a session's work has come: cursors, and what is vouched for. */
export interface Ledger {
  cursors(topic: string): Promise<ReadonlyMap<number, Cursor>>
  arrivedShards(): Promise<readonly number[]>
  moveCursors(moves: readonly CursorMove[]): Promise<void>
  appliedWatermarks(): Promise<ReadonlyMap<string, AppliedWatermark | undefined>>
  expectApplied(partitions: readonly TopicPartition[]): Promise<void>
  noteApplied(marks: readonly AppliedMark[]): Promise<void>
  forgetApplied(places: readonly string[]): Promise<void>
}

export interface TopicPartition {
  readonly topic: string
  readonly partition: number
}

/** Runs commands in the session whose ledger it is. */
export type Run = (operation: string, commands: readonly Addressed[]) => Promise<unknown[]>

/** What stands for a watermark that is expected. */
export const UNKNOWN = 'unknown'

export const placeOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`

export type Fields = Readonly<Record<string, string>>

/** Fields of a hash of watermarks, by `topic/partition`. */
export const watermarksOf = (fields: Fields): Map<string, AppliedWatermark | undefined> =>
  new Map(Object.entries(fields).map(([place, text]) => [place, parseApplied(text)]))

export const leastOf = (fields: Fields): AppliedWatermark | undefined =>
  leastApplied(Object.values(fields).map(parseApplied))

/** On a single Redis: beside all that the cursors speak for, so that they are lost together. */
export class NamespaceLedger implements Ledger {
  constructor(
    private readonly topology: Topology,
    private readonly keys: Keys,
    private readonly run: Run,
  ) {}

  async cursors(topic: string): Promise<ReadonlyMap<number, Cursor>> {
    const fields = await this.hash('read cursors', this.keys.cursors(topic))
    const cursors = Object.entries(fields).map(([partition, text]) => [Number(partition), parseCursor(text)] as const)
    return new Map(cursors.flatMap(([partition, cursor]) => (cursor ? [[partition, cursor]] : [])))
  }

  async arrivedShards(): Promise<readonly number[]> {
    return []
  }

  async moveCursors(moves: readonly CursorMove[]): Promise<void> {
    await this.send(
      'move cursors',
      moves.map(({ topic, partition, cursor }) => ['hset', this.keys.cursors(topic), partition, formatCursor(cursor)]),
    )
  }

  async appliedWatermarks(): Promise<ReadonlyMap<string, AppliedWatermark | undefined>> {
    return watermarksOf(await this.hash('read applied watermarks', this.keys.applied('namespace')))
  }

  async expectApplied(partitions: readonly TopicPartition[]): Promise<void> {
    await this.send(
      'expect watermarks',
      partitions.map((partition) => ['hsetnx', this.keys.applied('namespace'), placeOf(partition), UNKNOWN]),
    )
  }

  async noteApplied(marks: readonly AppliedMark[]): Promise<void> {
    await this.send(
      'note applied watermarks',
      marks.map((mark) => ['hset', this.keys.applied('namespace'), placeOf(mark), formatApplied(mark.watermark)]),
    )
  }

  async forgetApplied(places: readonly string[]): Promise<void> {
    if (places.length === 0) return
    await this.send('forget applied watermarks', [['hdel', this.keys.applied('namespace'), ...places]])
  }

  private async hash(operation: string, key: string): Promise<Fields> {
    const [fields] = await this.send(operation, [['hgetall', key]])
    return hashReply(fields)
  }

  private send(operation: string, commands: readonly Command[]): Promise<unknown[]> {
    const master = this.topology.masterOf('namespace')
    return this.run(
      operation,
      commands.map((command) => ({ master, command })),
    )
  }
}
