import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { parseLsn } from '@freshet/pgoutput'
import { ReplicationStream } from '@freshet/postgres'

/** How long it took to read a slot up to an LSN, in milliseconds. */
export type Read = (postgresUrl: string, slotName: string, publication: string, endLsn: string) => Promise<number>

/** Postgres' own client, in C, to /dev/null. */
export const readByRecvlogical: Read = async (postgresUrl, slotName, publication, endLsn) => {
  const from = performance.now()
  const options = ['-o', 'proto_version=1', '-o', `publication_names=${publication}`]
  const target = ['-d', postgresUrl, '-S', slotName, '--start', '--endpos', endLsn, '--no-loop', '-f', '/dev/null']
  await promisify(execFile)('pg_recvlogical', [...target, ...options])
  return performance.now() - from
}

/** The listener's own stream, which throws away what comes. */
export const readRaw: Read = async (postgresUrl, slotName, publication, endLsn) => {
  const end = parseLsn(endLsn)
  const from = performance.now()
  const passed = Promise.withResolvers<void>()
  const stream = await ReplicationStream.open({
    url: postgresUrl,
    slotName,
    publications: [publication],
    binary: true,
    applicationName: 'benchmark',
    onReceived: async (items) => {
      for (const item of items) if (!(item instanceof Uint8Array) && item.walEnd >= end) passed.resolve()
    },
  })
  const asking = setInterval(() => stream.requestKeepalive(), 100)
  await Promise.race([passed.promise, stream.ended])
  clearInterval(asking)
  await stream.close()
  return performance.now() - from
}
