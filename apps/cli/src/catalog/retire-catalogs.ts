import { setTimeout as pause } from 'node:timers/promises'
import { catalogKey, decodeOrSkip, encodeCatalogRetired, topics as topicNames } from '@freshet/events'
import { formatLsn, type Lsn } from '@freshet/pgoutput'
import type { HotKeysSettings } from '@freshet/explain'
import { readTopKeys } from '../hot/hot-keys.js'
import type { System } from '../connect-system.js'
import { clientId } from '../settings.js'
import type { Terminal } from '../terminal.js'
import { readCatalogs } from './registered.js'
import { retirementLines, retirementOf } from './retirement.js'

/** Not everybody has seen the retirement; it stays in Kafka, and takes effect once they do. */
export class RetirementTimeoutError extends Error {
  readonly code = 'RETIREMENT_TIMEOUT'

  constructor(
    readonly unanswered: readonly string[],
    readonly inForce: readonly string[],
    readonly waitedMs: number,
  ) {
    const listener = unanswered.length > 0 ? [`cdc-listener has not answered for ${unanswered.join(', ')}`] : []
    const service = inForce.length > 0 ? [`invalidation-service still holds ${inForce.join(', ')} in force`] : []
    super(
      `The retirement is written, but after ${waitedMs} ms ${[...listener, ...service].join(', and ')}; it takes effect once they run with this topic prefix`,
    )
    this.name = 'RetirementTimeoutError'
  }
}

export interface RetireOptions {
  readonly topicPrefix: string
  readonly namespace: string
  readonly hotKeys: HotKeysSettings
  /** Ask nobody. */
  readonly yes: boolean
  readonly timeoutMs: number
}

/** How often Redis is asked whether a catalog is still in force. */
const LOOK_EVERY_MS = 100

/**
 * Says what a retirement means, asks, writes it, and waits until the catalogs have left force and nothing is watched for
 * them; false when the answer was no.
 *
 * Throws CatalogNotRegisteredError, and RetirementTimeoutError.
 */
export async function retireCatalogs(
  terminal: Terminal,
  wanted: string,
  { kafka, redis }: Pick<System, 'kafka' | 'redis'>,
  { topicPrefix, namespace, hotKeys, yes, timeoutMs }: RetireOptions,
): Promise<boolean> {
  const known = await readCatalogs(kafka, topicPrefix)
  const topKeys = await readTopKeys(kafka, topicPrefix, hotKeys, hotKeys.among)
  const retirement = retirementOf(wanted, known, topKeys)
  for (const line of retirementLines(retirement)) terminal.print(line)
  if (!yes && !(await agreed(terminal))) return false

  const topics = topicNames(topicPrefix)
  const names = retirement.catalogs.map(({ owner, version }) => catalogKey(owner, version))
  const answered = new Map<string, Lsn>()
  const reader = kafka.broadcast({
    topics: [topics.catalogStatus],
    from: 'latest',
    onRecord: ({ value, topic }) => {
      const status = decodeOrSkip(value, topic)
      if (status.kind === 'catalog-status' && status.state === 'retired')
        answered.set(catalogKey(status.owner, status.version), status.lsn)
    },
  })
  const producer = await kafka.producer()
  const fromMs = performance.now()
  try {
    await reader.start()
    const source = `freshet/${namespace}/${clientId}`
    await producer.send(
      retirement.catalogs.map(({ owner, version }) => ({
        topic: topics.catalogs,
        ...encodeCatalogRetired({ source, owner, version }),
      })),
    )
    terminal.note('The retirement is written; waiting until listener and service have seen it')
    for (;;) {
      const held = (await redis.catalogsInForce()).map(({ owner, version }) => catalogKey(owner, version))
      const inForce = names.filter((name) => held.includes(name))
      const unanswered = names.filter((name) => !answered.has(name))
      if (inForce.length === 0 && unanswered.length === 0) break
      const waitedMs = Math.round(performance.now() - fromMs)
      if (waitedMs >= timeoutMs) throw new RetirementTimeoutError(unanswered, inForce, waitedMs)
      await pause(LOOK_EVERY_MS)
    }
  } finally {
    await Promise.all([reader.close(), producer.close()])
  }
  for (const [name, lsn] of answered)
    if (names.includes(name)) terminal.print(`${name} is retired since LSN ${formatLsn(lsn)}`)
  return true
}

async function agreed(terminal: Terminal): Promise<boolean> {
  if (terminal.confirm) return terminal.confirm('Retire? [y/N] ')
  terminal.note('There is nobody to ask; say --yes')
  return false
}
