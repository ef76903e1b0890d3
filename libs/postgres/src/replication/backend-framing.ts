/** A message of the server: its type byte and its body, a view into what was read. */
export interface BackendMessage {
  /** ASCII code. */
  readonly type: number
  readonly body: Buffer
}

const headerBytes = 5

/**
 * Cuts what arrives into messages of the frontend/backend protocol (version 3): a type byte, a length that counts itself,
 * a body. Only a message that is split over two reads is copied.
 */
export class BackendFraming {
  private rest: Buffer = Buffer.alloc(0)

  push(chunks: readonly Buffer[]): BackendMessage[] {
    const bytes = this.rest.length === 0 && chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat([this.rest, ...chunks])
    const messages: BackendMessage[] = []
    let at = 0
    while (bytes.length - at >= headerBytes) {
      const end = at + 1 + bytes.readUInt32BE(at + 1)
      if (end > bytes.length) break
      messages.push({ type: bytes[at] ?? 0, body: bytes.subarray(at + headerBytes, end) })
      at = end
    }
    this.rest = bytes.subarray(at)
    return messages
  }
}
