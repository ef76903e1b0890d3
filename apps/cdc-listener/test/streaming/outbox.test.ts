import type { BatchProducer, OutgoingRecord } from '@freshet/kafka'
import { lsn, xid } from '@freshet/pgoutput'
import type { TablesSnapshot } from '@freshet/postgres'
import { continuityBreak, positionAt, type StreamPosition } from '@freshet/coherence'
import { decode } from '@freshet/events'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Outbox } from '../../src/streaming/outbox.js'
import { Watermarks } from '../../src/streaming/watermarks.js'

const place = { topic: 'member.changes.v1', partition: 0 }
const record = (value: string): OutgoingRecord => ({ ...place, key: null, value })
/** Readers step over a record without a value. */
const nothing: OutgoingRecord = { ...place, key: null, value: null }
const ignored = { sending: () => {}, sent: () => {}, failed: () => {} }

/** A partition that writes some of a batch and then fails, as told. */
class FlakyPartition implements BatchProducer {
  readonly log: OutgoingRecord[] = []
  inFlight = 0
  mostInFlight = 0
  constructor(private readonly failures: number[]) {}
  async send(records: readonly OutgoingRecord[]): Promise<void> {
    this.mostInFlight = Math.max(this.mostInFlight, ++this.inFlight)
    await Promise.resolve()
    this.inFlight--
    const written = this.failures.shift()
    this.log.push(...records.slice(0, written ?? records.length))
    if (written !== undefined) throw new Error('NOT_ENOUGH_REPLICAS')
  }
  async close(): Promise<void> {}
}

const taken = (position: bigint): TablesSnapshot => ({
  snapshot: { xmin: xid(1n), xmax: xid(1n), running: [] },
  insertLsn: lsn(position),
  databaseTimeMs: 0,
  systemId: '1',
  timeline: 1,
  inRecovery: false,
  fingerprint: '',
})

/** Every gap that a reader of the partition would see. */
function breaks(log: readonly OutgoingRecord[]): string[] {
  let position: StreamPosition | undefined
  return log.flatMap(({ topic, value }, offset) => {
    const decoded = decode(value === null ? null : Buffer.from(value), topic)
    if (decoded.kind !== 'watermark') return []
    const cause = position && continuityBreak(position, decoded, BigInt(offset))
    position = positionAt(decoded, BigInt(offset))
    return cause ? [cause] : []
  })
}

describe('records on their way to Kafka', () => {
  it('keep their order, one batch at a time, whatever fails', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat({ max: 5 }), { maxLength: 2 }), fc.nat({ max: 30 }), async (failures, count) => {
        const partition = new FlakyPartition([...failures])
        const outbox = new Outbox(partition, ignored)
        const values = Array.from({ length: count }, (_, at) => String(at))
        for (const [at, value] of values.entries()) {
          outbox.add(record(value))
          if (at % 7 === 0) await Promise.resolve()
        }
        await outbox.drained()
        expect(partition.mostInFlight).toBeLessThanOrEqual(1)
        const firstSeen = [...new Set(partition.log.map(({ value }) => value))]
        expect(firstSeen).toEqual(values)
        expect(partition.log.slice(-1).map(({ value }) => value)).toEqual(values.slice(-1))
      }),
      { numRuns: 20 },
    )
  })

  it('are bounded: who brings more waits, until Kafka has acknowledged some', async () => {
    const gate = Promise.withResolvers<void>()
    const outbox = new Outbox({ send: () => gate.promise, close: async () => {} }, ignored)
    let added = 0
    while (outbox.hasRoom) outbox.add(record(String(added++)))
    expect(added).toBeLessThanOrEqual(10_000)
    let waited = false
    const room = outbox.room().then(() => (waited = true))
    await Promise.resolve()
    expect(waited).toBe(false)
    gate.resolve()
    await room
    expect(outbox.hasRoom).toBe(true)
  })

  it('are bounded in size too', () => {
    const outbox = new Outbox({ send: () => new Promise(() => {}), close: async () => {} }, ignored)
    let added = 0
    while (outbox.hasRoom) {
      outbox.add(record('x'.repeat(1_000_000)))
      added++
    }
    expect(added).toBeLessThan(20)
  })

  it('are given up when it closes: nobody waits for them any more', async () => {
    const outbox = new Outbox({ send: () => Promise.reject(new Error('down')), close: async () => {} }, ignored)
    while (outbox.hasRoom) outbox.add(record(''))
    const waiting = Promise.all([outbox.room(), outbox.drained()])
    outbox.close()
    await waiting
  })
})

describe('watermarks among them', () => {
  it('count so that a reader sees no gap where nothing is missing, however often batches were sent twice', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 4 }), { maxLength: 2 }),
        fc.array(fc.nat({ max: 3 }), { maxLength: 8 }),
        async (failures, between) => {
          const partition = new FlakyPartition([...failures])
          const watermarks = new Watermarks('freshet/test/db', lsn(5n))
          const outbox = new Outbox(partition, {
            ...ignored,
            sending: (sent) => watermarks.count(sent),
            failed: () => watermarks.beginEpoch(),
          })
          let position = 10n
          for (const count of between) {
            for (let at = 0; at < count; at++) outbox.add(nothing)
            const at = taken(position++)
            outbox.add({
              write: () => watermarks.close(at, [place]),
              acknowledged: () => watermarks.confirm(at.insertLsn),
            })
            await Promise.resolve()
          }
          await outbox.drained()
          expect(breaks(partition.log)).toEqual([])
        },
      ),
      { numRuns: 25 },
    )
  })

  it('show a record that is missing', async () => {
    const partition = new FlakyPartition([])
    const watermarks = new Watermarks('freshet/test/db', lsn(5n))
    const outbox = new Outbox(partition, { ...ignored, sending: (sent) => watermarks.count(sent) })
    const close = (position: bigint) =>
      outbox.add({ write: () => watermarks.close(taken(position), [place]), acknowledged: () => {} })
    close(10n)
    outbox.add(nothing)
    close(11n)
    await outbox.drained()
    expect(breaks(partition.log)).toEqual([])
    expect(breaks(partition.log.filter((_, at) => at !== 1))).toEqual(['sequence-break'])
  })

  it('say from where: what the previous one closed, at first what the slot was acknowledged up to', async () => {
    const watermarks = new Watermarks('freshet/test/db', lsn(5n))
    const from = (position: bigint) =>
      watermarks.close(taken(position), [place]).map(({ topic, value }) => {
        const decoded = decode(Buffer.from(value ?? ''), topic)
        return decoded.kind === 'watermark' ? [decoded.from, decoded.lsn, decoded.sequence] : []
      })[0]
    expect(from(10n)).toEqual([5n, 10n, 1n])
    expect(from(20n)).toEqual([10n, 20n, 2n])
    watermarks.confirm(lsn(10n))
    watermarks.beginEpoch()
    expect(from(30n)).toEqual([10n, 30n, 1n])
  })
})
