import { connect } from 'node:net'
import { Kafka, logLevel } from 'kafkajs'
import pg from 'pg'

/** How the stack names its database and its (super)user. */
export const database = { user: 'freshet', password: 'freshet', name: 'freshet' }

/**
 * Asks a server whether it serves, the way its clients will; throws what it saw if it does not.
 * `identity` guards against a stranger that took the port between our choosing it and binding it.
 */
export type Accepts = () => Promise<void>

const attemptMs = 2_000

/** Postgres answers a query on `database`; `identity` is its data folder. */
export async function postgresAccepts(
  host: string,
  port: number,
  databaseName: string,
  identity?: string,
): Promise<void> {
  const client = postgresClient(host, port, databaseName)
  client.on('error', () => undefined) // a server that dies under the probe is reported by connect and query
  try {
    await client.connect()
    const { rows } = await client.query<{ folder: string }>(`select current_setting('data_directory') as folder`)
    expectIdentity('data folder', identity, rows[0]?.folder)
  } finally {
    await client.end().catch(() => undefined)
  }
}

/** A client of the stack's own user; the caller connects and ends it. A statement may take `patienceMs`. */
export function postgresClient(host: string, port: number, databaseName: string, patienceMs = attemptMs): pg.Client {
  return new pg.Client({
    host,
    port,
    user: database.user,
    password: database.password,
    database: databaseName,
    connectionTimeoutMillis: attemptMs,
    query_timeout: patienceMs,
  })
}

/** Kafka knows its cluster, with a broker that takes clients; `identity` is the cluster id. */
export async function kafkaAccepts(host: string, port: number, identity: string): Promise<void> {
  const kafka = new Kafka({
    clientId: 'freshet-local-stack',
    brokers: [`${host}:${port}`],
    logLevel: logLevel.NOTHING,
    connectionTimeout: attemptMs,
    requestTimeout: attemptMs,
    retry: { retries: 0 },
  })
  const admin = kafka.admin()
  try {
    await admin.connect()
    const { brokers, clusterId } = await admin.describeCluster()
    expectIdentity('cluster', identity, clusterId)
    if (brokers.length === 0) throw new Error('the broker has not registered yet')
  } finally {
    await admin.disconnect().catch(() => undefined)
  }
}

/** Redis says who it is; `identity` is its process id. */
export async function redisAccepts(host: string, port: number, identity?: string): Promise<void> {
  const reply = await new Promise<string>((resolve, reject) => {
    const socket = connect({ host, port, timeout: attemptMs })
    let received = ''
    socket.setEncoding('utf8')
    socket.on('connect', () => socket.write('INFO server\r\nQUIT\r\n'))
    socket.on('data', (chunk: string) => (received += chunk))
    socket.on('timeout', () => socket.destroy(new Error(`no answer within ${attemptMs} ms`)))
    socket.on('error', reject)
    socket.on('close', () => resolve(received))
  })
  const processId = /^process_id:(\d+)/m.exec(reply)?.[1]
  if (processId === undefined) throw new Error(`INFO was answered with '${reply.slice(0, 80).trimEnd()}'`)
  expectIdentity('process', identity, processId)
}

function expectIdentity(what: string, expected: string | undefined, seen: string | undefined): void {
  if (expected !== undefined && seen !== expected) {
    throw new Error(`the port belongs to another server (${what} ${seen ?? 'unknown'})`)
  }
}
