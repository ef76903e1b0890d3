import { setTimeout as delay } from 'node:timers/promises'
import { decodeMessage, RowDecoder, type Message, type Row } from '@freshet/pgoutput'
import { ReplicationStream, type ReplicationOptions } from '../../src/index.js'

/** A stream whose messages are kept, for tests to wait for. */
export interface Captured {
  readonly stream: ReplicationStream
  readonly messages: readonly Message[]
  /** Positions of keepalives. */
  readonly keepalives: readonly bigint[]
  /** Of inserts, in order. */
  readonly rows: readonly Row[]
  readonly calls: () => number
}

type Wanted = Pick<ReplicationOptions, 'url' | 'slotName'> & Partial<ReplicationOptions>

export async function capture(options: Wanted, before: () => Promise<void> = async () => {}): Promise<Captured> {
  const messages: Message[] = []
  const keepalives: bigint[] = []
  const rows: Row[] = []
  let calls = 0
  let decoder: RowDecoder | undefined
  const stream = await ReplicationStream.open({
    publications: ['things_changes'],
    binary: false,
    applicationName: 'replication test',
    onReceived: async (items) => {
      calls++
      await before()
      for (const item of items) {
        if (!(item instanceof Uint8Array)) {
          keepalives.push(item.walEnd)
          continue
        }
        const message = decodeMessage(Buffer.from(item)) // kept beyond the call
        messages.push(message)
        if (message.kind === 'relation')
          decoder = new RowDecoder(message, new Set(message.columns.map(({ name }) => name)))
        if (message.kind === 'insert' && decoder) rows.push(decoder.read(message.new))
      }
    },
    ...options,
  })
  return { stream, messages, keepalives, rows, calls: () => calls }
}

/** Waits until a condition holds; after 15 s fails with what was seen instead. */
export async function until<T>(wanted: string, look: () => Promise<T> | T, holds: (seen: T) => boolean): Promise<T> {
  const deadline = performance.now() + 15_000
  for (;;) {
    const seen = await look()
    if (holds(seen)) return seen
    if (performance.now() > deadline) throw new Error(`${wanted}: not within 15 s; last seen ${JSON.stringify(seen)}`)
    await delay(10)
  }
}
