import { lsn, xid, type Lsn } from '@freshet/pgoutput'
import type { TablesSnapshot } from '@freshet/postgres'
import { describe, expect, it } from 'vitest'
import { WatermarkCycle, type WatermarkPorts } from '../../src/streaming/watermark-cycle.js'

const snapshotAt = (insertLsn: bigint, inRecovery = false): TablesSnapshot => ({
  snapshot: { xmin: xid(1n), xmax: xid(1n), running: [] },
  insertLsn: lsn(insertLsn),
  databaseTimeMs: 0,
  systemId: '1',
  timeline: 1,
  inRecovery,
  fingerprint: '',
})

/** A cycle that writes down what it asks for. */
function watched(ports: Partial<WatermarkPorts> = {}) {
  const told: string[] = []
  const acknowledge: (() => void)[] = []
  const cycle = new WatermarkCycle(
    {
      snapshots: async () => snapshotAt(100n),
      askForPosition: () => told.push('ask'),
      flushLog: async () => void told.push('flush'),
      close: ({ insertLsn }, acknowledged) => {
        told.push(`close ${insertLsn}`)
        acknowledge.push(acknowledged)
      },
      isInTransaction: () => false,
      failed: (error) => told.push(String(error)),
      ...ports,
    },
    { watermarkMs: 250, idleWatermarkMs: 1_000 },
  )
  return { cycle, told, acknowledge: () => acknowledge.shift()?.() }
}
const at = (position: bigint): Lsn => lsn(position)

describe('a watermark', () => {
  it('is closed once the stream has passed its snapshot, not before', async () => {
    const { cycle, told } = watched()
    await cycle.tick()
    cycle.passed(at(99n))
    expect(told).toEqual(['ask'])
    cycle.passed(at(100n))
    expect(told).toEqual(['ask', 'close 100'])
  })

  it('waits for the one before it to be acknowledged: nothing piles up while Kafka is away', async () => {
    const { cycle, told, acknowledge } = watched()
    await cycle.tick()
    cycle.passed(at(100n))
    for (let tick = 0; tick < 10; tick++) {
      cycle.traffic()
      await cycle.tick()
      cycle.passed(at(200n))
    }
    expect(told).toEqual(['ask', 'close 100'])
    acknowledge()
    await cycle.tick()
    cycle.passed(at(200n))
    expect(told).toEqual(['ask', 'close 100', 'ask', 'close 100'])
  })

  it('is due at each tick under traffic, else after a second', async () => {
    let taken = 0
    const { cycle, acknowledge } = watched({
      snapshots: async () => {
        taken++
        return snapshotAt(100n)
      },
    })
    const round = async () => {
      await cycle.tick()
      cycle.passed(at(100n))
      acknowledge()
    }
    await round()
    await round()
    expect(taken).toBe(1)
    cycle.traffic()
    await round()
    expect(taken).toBe(2)
  })

  it('of a log that the server keeps in memory makes it write it out', async () => {
    const { cycle, told } = watched()
    await cycle.tick()
    for (let tick = 0; tick < 3; tick++) {
      cycle.passed(at(99n))
      await cycle.tick()
    }
    expect(told.filter((what) => what === 'flush').length).toBeGreaterThan(0)
    expect(told.indexOf('flush')).toBeGreaterThan(1) // the server is asked first
  })

  it('of a stream that is behind, or inside a transaction, waits', async () => {
    const behind = watched()
    const inside = watched({ isInTransaction: () => true })
    for (let tick = 0; tick < 5; tick++) {
      behind.cycle.traffic()
      await behind.cycle.tick()
      await inside.cycle.tick()
    }
    expect([...behind.told, ...inside.told]).not.toContain('flush')
  })

  it('repeats the last snapshot where none is to be had, so that a server that shuts down can end', async () => {
    let isDown = false
    const { cycle, told, acknowledge } = watched({
      snapshots: () => (isDown ? Promise.reject(new Error('shutting down')) : Promise.resolve(snapshotAt(100n))),
    })
    await cycle.tick()
    cycle.passed(at(100n))
    acknowledge()
    isDown = true
    cycle.traffic()
    await cycle.tick()
    cycle.passed(at(100n)) // nothing new
    cycle.passed(at(130n))
    expect(told).toEqual(['ask', 'close 100', 'Error: shutting down', 'ask', 'close 130'])
  })

  it('repeats the snapshot that the stream began under where it got none of its own', async () => {
    const { cycle, told } = watched({ snapshots: () => Promise.reject(new Error('shutting down')) })
    cycle.reset(snapshotAt(100n))
    await cycle.tick()
    cycle.passed(at(99n))
    cycle.passed(at(100n))
    expect(told).toEqual(['Error: shutting down', 'ask', 'close 100'])
  })

  it('is never taken on a standby', async () => {
    const { cycle, told } = watched({ snapshots: async () => snapshotAt(0n, true) })
    await cycle.tick()
    cycle.passed(at(500n))
    expect(told.join()).toContain('can only be taken on a primary')
    expect(told.join()).not.toContain('close')
  })

  it('that was open when the stream was lost is not closed by the next one', async () => {
    const { cycle, told } = watched()
    await cycle.tick()
    cycle.reset(snapshotAt(100n))
    cycle.passed(at(500n))
    expect(told).toEqual(['ask'])
  })

  it('is closed at a stop, at what was read', async () => {
    const { cycle, told, acknowledge } = watched()
    cycle.finish(at(50n)) // none was ever taken
    await cycle.tick()
    cycle.passed(at(100n))
    acknowledge()
    cycle.finish(at(100n))
    cycle.finish(at(120n))
    expect(told).toEqual(['ask', 'close 100', 'close 120'])
  })
})
