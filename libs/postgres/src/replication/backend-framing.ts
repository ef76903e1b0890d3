import { MalformedMessageError } from '@freshet/pgoutput'

/** A message of the server: its type byte and its body, a view into what was read. */
export interface BackendMessage {
  /** ASCII code. */
  readonly type: number
  readonly body: Buffer
}

const headerBytes = 5
const lengthBytes = 4

/**
 * Cuts what arrives into messages of the frontend/backend protocol (version 3): a type byte, a length that counts itself,
 * a body. What one read holds alone is not copied; a message over many reads is put together once, when all of it is there.
 */
export class BackendFraming {
  private held: Buffer[] = []
  private heldBytes = 0
  /** Nothing can be cut before this much is held. */
  private wantedBytes = headerBytes

  /** Throws MalformedMessageError when a length cannot be: the stream is out of step. */
  push(chunks: readonly Buffer[]): BackendMessage[] {
    for (const chunk of chunks) {
      this.held.push(chunk)
      this.heldBytes += chunk.length
    }
    if (this.heldBytes < this.wantedBytes) return []
    const [first] = this.held
    return this.cut(this.held.length === 1 && first ? first : Buffer.concat(this.held))
  }

  private cut(bytes: Buffer): BackendMessage[] {
    const messages: BackendMessage[] = []
    let at = 0
    this.wantedBytes = headerBytes
    while (bytes.length - at >= headerBytes) {
      const length = bytes.readUInt32BE(at + 1)
      if (length < lengthBytes) throw new MalformedMessageError('backend', at + 1, `a length of ${length}`)
      const end = at + 1 + length
      if (end > bytes.length) {
        this.wantedBytes = end - at
        break
      }
      messages.push({ type: bytes[at] ?? 0, body: bytes.subarray(at + headerBytes, end) })
      at = end
    }
    this.held = at < bytes.length ? [bytes.subarray(at)] : []
    this.heldBytes = bytes.length - at
    return messages
  }
}
