/** What stands before a value in Redis; version 1. Short names: every value carries them. */
export interface ValueHeader {
  readonly v: 1
  /** Generations of the template's own tags, in the order of `governingTags`. */
  readonly g: readonly string[]
  /** Further tags, inherited or named by the loader: shard, tag, generation (R12). */
  readonly x?: readonly (readonly [shard: number, tag: string, generation: string])[]
  /** When it was loaded, in milliseconds since 1970. */
  readonly at: number
  /** Time to live, in milliseconds. */
  readonly ttl: number
  /** Filled from a source without transactions: lease strength. */
  readonly lease?: true
}

/** A value as it lies in Redis, taken apart. */
export interface StoredValue {
  readonly header: ValueHeader
  readonly payload: Buffer
}

const VERSION = 1
const PREFIX_BYTES = 5

/** Writes version (1 byte), length of the header (4 bytes, big endian), the header as JSON, the payload. */
export function encodeValue(header: ValueHeader, payload: Uint8Array): Buffer {
  const { g, x, at, ttl, lease } = header
  const text = JSON.stringify({ g, x, at, ttl, lease })
  const headerBytes = Buffer.byteLength(text)
  const bytes = Buffer.allocUnsafe(PREFIX_BYTES + headerBytes + payload.byteLength)
  bytes.writeUInt8(VERSION, 0)
  bytes.writeUInt32BE(headerBytes, 1)
  bytes.write(text, PREFIX_BYTES)
  bytes.set(payload, PREFIX_BYTES + headerBytes)
  return bytes
}

/**
 * Reads a stored value. Undefined for an unknown version or damaged bytes: a value that cannot be judged is a miss. The
 * payload is a view of `bytes`, not a copy.
 */
export function decodeValue(bytes: Buffer): StoredValue | undefined {
  if (bytes.length < PREFIX_BYTES || bytes.readUInt8(0) !== VERSION) return undefined
  const end = PREFIX_BYTES + bytes.readUInt32BE(1)
  if (end > bytes.length) return undefined
  const header = parseHeader(bytes.toString('utf8', PREFIX_BYTES, end))
  return header && { header, payload: bytes.subarray(end) }
}

function parseHeader(text: string): ValueHeader | undefined {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  return isHeader(parsed) ? { v: VERSION, ...parsed } : undefined
}

function isHeader(parsed: unknown): parsed is Omit<ValueHeader, 'v'> {
  if (typeof parsed !== 'object' || parsed === null) return false
  if (!('g' in parsed) || !Array.isArray(parsed.g)) return false
  if (!('at' in parsed) || typeof parsed.at !== 'number') return false
  if (!('ttl' in parsed) || typeof parsed.ttl !== 'number') return false
  return !('x' in parsed) || Array.isArray(parsed.x)
}
