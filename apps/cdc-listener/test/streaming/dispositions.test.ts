import { lsn, UnreadableColumnError } from '@freshet/pgoutput'
import { ReplicationLostError, ReplicationRefusedError, type SlotFacts } from '@freshet/postgres'
import { describe, expect, it } from 'vitest'
import { dispositionOf } from '../../src/streaming/dispositions.js'

const slot: SlotFacts = {
  name: 's',
  plugin: 'pgoutput',
  database: 'd',
  active: false,
  readerPid: undefined,
  restartLsn: undefined,
  confirmedLsn: lsn(1n),
  walStatus: 'reserved',
  invalidated: undefined,
  retainedBytes: 0,
  failover: false,
}
const refused = (sqlState: string): Error => new ReplicationRefusedError('s', sqlState, 'because')

describe('when a stream ends', () => {
  it.each([
    ['another process reads the slot', refused('55006'), slot, 'reconnect'],
    ['the server shuts down', refused('57P01'), slot, 'reconnect'],
    ['the connection is lost', new ReplicationLostError('s', 'reset'), undefined, 'reconnect'],
    ['nothing is known of it', new Error('odd'), undefined, 'reconnect'],
    ['the server cannot be reached', Object.assign(new Error('x'), { code: 'ECONNREFUSED' }), undefined, 'reconnect'],
    ['there is no slot', refused('42704'), undefined, 'replace-slot'],
    ['the slot was invalidated', refused('55000'), { ...slot, invalidated: 'wal_removed' }, 'replace-slot'],
    ['the server lost a segment', refused('58P01'), slot, 'replace-slot'],
    ['the server cannot decode, but the slot is sound', refused('55000'), slot, 'terminal'],
    ['the role may not', refused('42501'), slot, 'terminal'],
    ['the password is wrong', Object.assign(new Error('x'), { code: '28P01' }), undefined, 'terminal'],
    ['a binary value is not known', new UnreadableColumnError('t', 'c', 1), undefined, 'reconnect-as-text'],
  ] as const)('because %s, the table says what to do', (_case, error, facts, then) => {
    expect(dispositionOf(error, facts).then).toBe(then)
    expect(dispositionOf(error, facts).because).not.toBe('')
  })
})
