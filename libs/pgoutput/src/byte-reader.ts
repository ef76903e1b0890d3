import { MalformedMessageError } from './malformed.js'

/** Reads network-order values one after the other, in place. Throws MalformedMessageError where bytes end early. */
export class ByteReader {
  /** Of the next byte to be read, from the beginning of `bytes`. */
  offset = 0

  constructor(
    readonly bytes: Buffer,
    private readonly messageName: string,
    private readonly start = 0,
  ) {
    this.offset = start
  }

  uint8(): number {
    return this.bytes.readUInt8(this.take(1))
  }

  int16(): number {
    return this.bytes.readInt16BE(this.take(2))
  }

  int32(): number {
    return this.bytes.readInt32BE(this.take(4))
  }

  uint32(): number {
    return this.bytes.readUInt32BE(this.take(4))
  }

  int64(): bigint {
    return this.bytes.readBigInt64BE(this.take(8))
  }

  uint64(): bigint {
    return this.bytes.readBigUInt64BE(this.take(8))
  }

  /** One byte as its ASCII character. */
  character(): string {
    return String.fromCharCode(this.uint8())
  }

  /** Text up to a zero byte. */
  text(): string {
    const end = this.bytes.indexOf(0, this.offset)
    if (end < 0) this.fail('a text has no end')
    const from = this.take(end - this.offset + 1)
    return this.bytes.toString('utf8', from, end)
  }

  /** A view, not a copy. */
  view(length: number): Buffer {
    const from = this.take(length)
    return this.bytes.subarray(from, from + length)
  }

  skip(length: number): void {
    this.take(length)
  }

  /** Throws MalformedMessageError unless everything has been read. */
  end(): void {
    if (this.offset !== this.bytes.length) this.fail(`${this.bytes.length - this.offset} bytes are left over`)
  }

  fail(reason: string): never {
    throw new MalformedMessageError(this.messageName, this.offset - this.start, reason)
  }

  private take(length: number): number {
    const from = this.offset
    if (length < 0 || from + length > this.bytes.length)
      this.fail(`${length} bytes are wanted, ${this.bytes.length - from} are there`)
    this.offset = from + length
    return from
  }
}
