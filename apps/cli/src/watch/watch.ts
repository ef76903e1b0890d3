import { validateCatalog } from '@freshet/catalog'
import { FenceFeed, tagFilter, type SeenFence } from '@freshet/explain'
import type { KafkaPort } from '@freshet/kafka'
import { readRegistered } from '../catalog/registered.js'
import { ruleText } from '../explain/rule-text.js'
import type { Terminal } from '../terminal.js'

export interface WatchCommand {
  readonly kafka: KafkaPort
  readonly topicPrefix: string
  /** Only what fences this key, wildcard or template. */
  readonly tag: string | undefined
  readonly json: boolean
  /** Ends it; whoever opened Kafka then closes it, and with it all that reads. */
  readonly signal: AbortSignal
}

/**
 * Prints every fence that happens until the signal.
 *
 * Throws TagUnknownError, and KafkaUnreachableError.
 */
export async function watchFences(terminal: Terminal, command: WatchCommand): Promise<void> {
  const { signal } = command
  const ended = new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  await Promise.race([ended, startWatching(terminal, command).then(() => ended)])
}

async function startWatching(terminal: Terminal, { kafka, topicPrefix, tag, json }: WatchCommand): Promise<void> {
  const catalogs = (await readRegistered(kafka, topicPrefix)).flatMap(
    ({ catalog }) => validateCatalog(catalog).catalog ?? [], // one that is faulty fences nothing
  )
  const isWatched = tag === undefined ? () => true : tagFilter(catalogs, tag)
  const feed = new FenceFeed({
    kafka,
    topicPrefix,
    catalogs: () => catalogs,
    isWatched,
    onFence: (fence) => terminal.print(json ? JSON.stringify(fence) : fenceLine(fence)),
    onMissed: () => terminal.note('some fences were missed: Kafka no longer had them'),
  })
  await feed.start()
  terminal.note('watching; Ctrl-C ends it')
}

/** For people: `09:26:53.591  member:42:balance  0/1A2F4C8  xid 739  members-api@1 rule 1 (balance)  2 ms after the commit`. */
export function fenceLine({ tag, cause, gap, fencedAt, commit, commitToFenceMs, entity, rules }: SeenFence): string {
  const parts = [fencedAt.slice(11, 23), tag]
  if (cause === 'hand') parts.push('by hand')
  if (cause === 'gap') parts.push(gap === undefined ? 'gap' : `gap: ${gap}`)
  if (commit) parts.push(commit.lsn, `xid ${commit.xid}`)
  if (rules.length > 0) parts.push(rules.map((rule) => `${ruleText(rule)}${eventText(rule.event)}`).join(' or '))
  else if (entity !== undefined) parts.push(entity)
  if (commitToFenceMs !== undefined) parts.push(`${commitToFenceMs} ms after the commit`)
  return parts.join('  ')
}

const eventText = (event: string | undefined): string => (event === undefined ? '' : ` on ${event}`)
