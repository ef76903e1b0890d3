import { lsn } from '@freshet/pgoutput'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { continuityBreak, positionAt, type ContinuityBreak, type StreamMark } from '../src/index.js'

const shape = { timeline: 1, systemId: 's', fingerprint: 't=1' }

/** What a partition holds: changes (undefined) and watermarks. */
type Entry = StreamMark | undefined

/** Each epoch: how many changes stand before each of its watermarks. The first opens it. */
function written(epochs: readonly (readonly number[])[]): Entry[] {
  const entries: Entry[] = []
  let closed = lsn(1n)
  for (const [number, changes] of epochs.entries()) {
    let sequence = 0n
    for (const before of [0, ...changes]) {
      for (let each = 0; each < before; each++) entries.push(undefined)
      sequence += BigInt(before) + 1n
      const from = closed
      closed = lsn(closed + BigInt(before) * 8n)
      entries.push({ ...shape, epoch: `epoch-${number}`, sequence, from, lsn: closed })
    }
  }
  return entries
}

function breaksIn(entries: readonly Entry[]): (ContinuityBreak | undefined)[] {
  let last: ReturnType<typeof positionAt> | undefined
  return entries.flatMap((mark, offset) => {
    if (mark === undefined) return []
    const found = last && continuityBreak(last, mark, BigInt(offset))
    last = positionAt(mark, BigInt(offset))
    return [found]
  })
}

const epochs = fc.array(fc.array(fc.nat(3), { maxLength: 4 }), { minLength: 1, maxLength: 4 })

describe('a stream without a hole', () => {
  it('is found whole, over restarts of the listener', () => {
    fc.assert(
      fc.property(epochs, (each) => {
        expect(breaksIn(written(each)).every((one) => one === undefined)).toBe(true)
      }),
    )
  })

  it('is found broken when a record before a watermark of its epoch is lost', () => {
    fc.assert(
      fc.property(epochs, fc.nat(), (each, choice) => {
        const entries = written(each)
        // The last watermark of an epoch can be lost unseen: what it closed is closed by the next epoch's `from`.
        const followed = entries.flatMap((entry, offset) => {
          const next = entries.slice(offset + 1).find((later) => later !== undefined)
          return offset > 0 && next && (entry === undefined || entry.epoch === next.epoch) ? [offset] : []
        })
        const lost = followed[choice % Math.max(1, followed.length)]
        if (lost === undefined) return
        expect(breaksIn(entries.filter((_, offset) => offset !== lost))).toContain('sequence-break')
      }),
    )
  })
})

describe('what a watermark reveals', () => {
  const mark: StreamMark = { ...shape, epoch: 'e', sequence: 5n, from: lsn(10n), lsn: lsn(20n) }
  const last = positionAt(mark, 100n)
  const next: StreamMark = { ...mark, sequence: 8n, from: lsn(20n), lsn: lsn(30n) }

  it.each<[string, Partial<StreamMark>, ContinuityBreak | undefined]>([
    ['the next of its epoch', {}, undefined],
    ['another system', { systemId: 't' }, 'system-changed'],
    ['a promoted standby', { timeline: 2 }, 'timeline-changed'],
    ['fewer offsets than records', { sequence: 9n }, 'sequence-break'],
    ['an LSN that nobody closed', { from: lsn(21n) }, 'lsn-break'],
    ['tables of another shape', { fingerprint: 't=2' }, 'tables-changed'],
    ['an epoch that goes back over what was closed', { epoch: 'n', sequence: 1n, from: lsn(12n) }, undefined],
    ['an epoch that begins too late', { epoch: 'n', sequence: 1n, from: lsn(21n) }, 'lsn-break'],
    ['an epoch without its opening', { epoch: 'n', sequence: 2n }, 'sequence-break'],
  ])('%s', (_, change, expected) => {
    expect(continuityBreak(last, { ...next, ...change }, 103n)).toBe(expected)
  })

  it('an unknown fingerprint is not compared', () => {
    expect(continuityBreak({ ...last, fingerprint: undefined }, { ...next, fingerprint: 't=2' }, 103n)).toBeUndefined()
  })
})
