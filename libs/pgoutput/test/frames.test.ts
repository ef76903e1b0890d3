import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeFrame,
  encodeFrame,
  encodeStatusUpdate,
  lsn,
  MalformedMessageError,
  walDataHeaderBytes,
  type Frame,
} from '../src/index.js'
import { anyLsn, anyMoment } from './arbitraries.js'

const anyFrame: fc.Arbitrary<Frame> = fc.oneof(
  fc.record({ kind: fc.constant('keepalive' as const), walEnd: anyLsn, at: anyMoment, replyRequested: fc.boolean() }),
  fc.record({
    kind: fc.constant('wal-data' as const),
    start: anyLsn,
    walEnd: anyLsn,
    at: anyMoment,
    payload: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  }),
)

describe('a frame of the replication stream', () => {
  it('is read as it was written', () => {
    fc.assert(fc.property(anyFrame, (frame) => void expect(decodeFrame(encodeFrame(frame))).toEqual(frame)))
  })

  it('that ends early is refused, with its name and the place', () => {
    fc.assert(
      fc.property(anyFrame, fc.nat(), (frame, cut) => {
        const whole = encodeFrame(frame)
        const head = frame.kind === 'keepalive' ? whole.length : walDataHeaderBytes
        const length = 1 + (cut % (head - 1))
        expect(() => decodeFrame(whole.subarray(0, length))).toThrow(
          frame.kind === 'keepalive' ? /^keepalive message is malformed at byte \d+/ : /^XLogData message is malformed/,
        )
      }),
    )
  })

  it('with bytes behind a keepalive, or of an unknown type, is refused', () => {
    const keepalive = encodeFrame({ kind: 'keepalive', walEnd: lsn(1n), at: 0, replyRequested: false })
    expect(() => decodeFrame(Buffer.concat([keepalive, Buffer.from([0])]))).toThrow(/at byte 18: 1 bytes are left over/)
    expect(() => decodeFrame(Buffer.from('x'))).toThrow(MalformedMessageError)
    expect(() => decodeFrame(Buffer.alloc(0))).toThrow('a frame of type none')
  })
})

describe('a status update', () => {
  it('is what the documentation says: r, three positions, the clock, and whether a reply is wanted', () => {
    const at = Date.UTC(2000, 0, 1) + 1.5
    const update = { written: lsn(3n), flushed: lsn(2n), applied: lsn(1n), at, replyRequested: true }
    const bytes = encodeStatusUpdate(update)
    expect(bytes.toString('hex')).toBe(
      ['72', '0000000000000003', '0000000000000002', '0000000000000001', '00000000000005dc', '01'].join(''),
    )
  })
})
