import { Socket } from 'node:net'
import pg from 'pg'
import { quoteIdentifier, quoteLiteral } from '../tables/quote.js'

/**
 * Settings that decide how values are printed. The server prints them under the settings of the replication connection,
 * which roles and databases may have changed (a DateStyle of German makes dates that no key would ever match).
 */
const printing =
  '-c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=3 -c timezone=UTC -c bytea_output=hex'

const bulkBytes = 512 * 1024

/**
 * A socket that reads up to 512 KB at once, and nothing more once it is paused. An ordinary one goes on to read packet by
 * packet until 64 KB lie in its buffer, so that the server's send buffer is never full and each row costs it a system call.
 */
function bulkSocket(): Socket {
  const socket: Socket = new Socket({
    onread: {
      buffer: Buffer.allocUnsafeSlow(bulkBytes),
      callback: (length, bytes) => socket.emit('data', Buffer.from(bytes.subarray(0, length))),
    },
  })
  return socket
}

/** Opens a connection that takes replication commands; the caller ends it. Throws the connection's own error. */
export async function connectForReplication(options: {
  readonly url: string
  readonly applicationName: string
}): Promise<pg.Client> {
  const client = new pg.Client({
    connectionString: withReplication(options.url),
    application_name: options.applicationName,
    keepAlive: true,
    stream: bulkSocket,
    connectionTimeoutMillis: 10_000,
  })
  await client.connect()
  return client
}

/** The command that begins where the slot was last acknowledged. */
export function startCommand(options: {
  readonly slotName: string
  readonly publications: readonly string[]
  readonly binary: boolean
}): string {
  const settings = [
    "proto_version '1'",
    `publication_names ${quoteLiteral(options.publications.map(quoteIdentifier).join(','))}`,
    "messages 'true'",
    ...(options.binary ? ["binary 'true'"] : []),
  ]
  return `START_REPLICATION SLOT ${quoteIdentifier(options.slotName)} LOGICAL 0/0 (${settings.join(', ')})`
}

function withReplication(url: string): string {
  const parsed = new URL(url)
  parsed.searchParams.set('replication', 'database')
  parsed.searchParams.set('options', [parsed.searchParams.get('options') ?? '', printing].join(' ').trim())
  return parsed.href
}
