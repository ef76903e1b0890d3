import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BackendFraming } from '../../src/replication/backend-framing.js'

const anyMessages = fc.array(
  fc.record({ type: fc.nat({ max: 255 }), body: fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)) }),
  { maxLength: 8 },
)

function written({ type, body }: { type: number; body: Buffer }): Buffer {
  const head = Buffer.alloc(5)
  head.writeUInt8(type, 0)
  head.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

describe('what the server sends', () => {
  it('is cut into the same messages, however the reads fall', () => {
    fc.assert(
      fc.property(anyMessages, fc.array(fc.tuple(fc.nat({ max: 12 }), fc.nat({ max: 3 }))), (messages, cuts) => {
        let bytes = Buffer.concat(messages.map(written))
        const framing = new BackendFraming()
        const read: { type: number; body: Buffer }[] = []
        for (const [length, more] of cuts) {
          const chunks = [bytes.subarray(0, length), bytes.subarray(length, length + more)]
          bytes = bytes.subarray(length + more)
          read.push(...framing.push(chunks))
        }
        read.push(...framing.push([bytes]))
        expect(read).toEqual(messages)
      }),
    )
  })

  it('is out of step when a length cannot be', () => {
    expect(() => new BackendFraming().push([Buffer.from([0x64, 0, 0, 0, 3])])).toThrow('a length of 3')
  })
})
