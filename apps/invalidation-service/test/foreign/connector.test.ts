import { lsn } from '@freshet/pgoutput'
import type { SlotFacts } from '@freshet/postgres'
import { describe, expect, it } from 'vitest'
import { mayHaveLost, sightOf } from '../../src/foreign/connector.js'

const slot = (other: Partial<SlotFacts> = {}): SlotFacts => ({
  name: 'debezium',
  plugin: 'pgoutput',
  database: 'shop',
  active: true,
  readerPid: 7,
  restartLsn: lsn(100n),
  confirmedLsn: lsn(200n),
  walStatus: 'reserved',
  invalidated: undefined,
  retainedBytes: 0,
  failover: false,
  ...other,
})
const seen = sightOf(slot())

describe("a connector's slot", () => {
  it('that goes on under the same reader has lost nothing, however far it has come', () => {
    expect(mayHaveLost(seen, slot({ restartLsn: lsn(900n) }), lsn(200n))).toBe(false)
  })

  it('whose connector was restarted has lost nothing while its log begins before what was published', () => {
    expect(mayHaveLost(seen, slot({ readerPid: 8 }), lsn(200n))).toBe(false)
    expect(mayHaveLost({ state: 'never' }, slot(), lsn(200n))).toBe(false)
  })

  it('may have been dropped and made anew where the reader is another and its log begins later', () => {
    expect(mayHaveLost(seen, slot({ readerPid: 8, restartLsn: lsn(201n) }), lsn(200n))).toBe(true)
    expect(mayHaveLost(seen, slot({ readerPid: undefined, restartLsn: lsn(201n) }), lsn(200n))).toBe(true)
  })

  it('that nobody reads can be dropped and made anew between two looks', () => {
    const unread = slot({ readerPid: undefined })
    expect(mayHaveLost(sightOf(unread), unread, lsn(200n))).toBe(false)
    expect(mayHaveLost(sightOf(unread), { ...unread, restartLsn: lsn(201n) }, lsn(200n))).toBe(true)
  })

  it('may have lost changes where nothing is known of the time before', () => {
    expect(mayHaveLost({ state: 'never' }, slot(), undefined)).toBe(true)
  })

  it.each([undefined, slot({ invalidated: 'wal_removed' }), slot({ restartLsn: undefined })])(
    'that was missing has lost what was committed meanwhile',
    (gone) => {
      expect(mayHaveLost(sightOf(gone), slot(), lsn(200n))).toBe(true)
    },
  )
})
