/**
 * How fast changes leave Postgres: a backlog of single-row transactions, read by pg_recvlogical (where it is installed),
 * by the listener's own stream alone, and by the whole listener into Kafka. Only ratios within one run count.
 *
 *   npm run bench:cdc [-- TRANSACTIONS]
 */
import { createCache } from '@freshet/cache'
import { catalogFromJson } from '@freshet/catalog'
import { startStack } from '@freshet/local-stack'
import pg from 'pg'
import { catalogJson, tableSql, writeBacklog } from './cdc/backlog.js'
import { listenerOf, publishBacklog } from './cdc/listener.js'
import { readByRecvlogical, readRaw, type Read } from './cdc/readers.js'

const transactions = Number(process.argv[2] ?? 300_000)
const publication = 'freshet'

const stack = await startStack({ provider: 'native', postgresSettings: { max_wal_size: '8GB' } })
const client = new pg.Client(stack.postgresUrl)
try {
  await client.connect()
  await client.query(tableSql)
  const listener = await listenerOf(stack, process.argv.slice(3))
  await listener.start()
  const cache = await createCache({
    catalog: catalogFromJson(catalogJson),
    redis: stack.redisUrl,
    postgres: { url: stack.postgresUrl },
    kafka: { brokers: [stack.kafkaBrokers] },
    l1: false,
  })
  await cache.register()
  await cache.close()
  await listener.stop()

  const slots = ['by_recvlogical', 'raw', 'raw_again']
  for (const slot of slots) await client.query(`select pg_create_logical_replication_slot($1, 'pgoutput')`, [slot])
  const endLsn = await writeBacklog(client, transactions)
  const tell = (what: string, perSecond: number, more = ''): void =>
    void process.stdout.write(`${what.padEnd(36)} ${Math.round(perSecond / 1_000)} k/s${more}\n`)
  const measure = async (what: string, read: Read, slot: string): Promise<void> => {
    const tookMs = await read(stack.postgresUrl, slot, publication, endLsn).catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
      throw error
    })
    if (tookMs === undefined) process.stdout.write(`${what.padEnd(36)} not installed\n`)
    else tell(what, (transactions / tookMs) * 1_000)
  }
  await measure('pg_recvlogical to /dev/null', readByRecvlogical, 'by_recvlogical')
  await measure('stream alone', readRaw, 'raw')
  const published = await publishBacklog(stack, listener, transactions)
  const { perSecond, cpuMicroseconds, startMegabytes, peakMegabytes } = published
  const more = `, ${cpuMicroseconds.toFixed(1)} us of CPU a record, ${Math.round(startMegabytes)} -> ${Math.round(peakMegabytes)} MB`
  tell('listener to Kafka, acks=all', perSecond, more)
  await measure('stream alone, again', readRaw, 'raw_again')
  await listener.stop()
} finally {
  await client.end()
  await stack.stop()
}
