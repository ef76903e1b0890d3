import { topics } from '@freshet/events'
import type { HotKeysSettings } from '@freshet/explain'
import { FleetKeys, type RankedKey } from '@freshet/hot-keys'
import type { KafkaPort } from '@freshet/kafka'
import { readToEnd } from '../read-to-end.js'
import { tableLines } from '../table.js'
import type { Terminal } from '../terminal.js'

/** Reads what all clients have reported, and ranks the keys that they read most in the last window of it. */
export async function readTopKeys(
  kafka: KafkaPort,
  topicPrefix: string,
  { windowMs, ...rule }: HotKeysSettings,
  most: number,
): Promise<readonly RankedKey[]> {
  const keys = new FleetKeys(rule, { windowMs })
  await readToEnd(kafka, [topics(topicPrefix).accessStats], (record) => {
    if (record.kind === 'access-stats') keys.add(record, Date.now())
  })
  return keys.top(most)
}

export function printTopKeys(terminal: Terminal, keys: readonly RankedKey[]): void {
  if (keys.length === 0) {
    terminal.print(
      'No client has reported a read. Clients report where Kafka is configured and accessStats is not false.',
    )
    return
  }
  const rows = keys.map(({ rank, key, owner, template, count, hot }) => [
    `${rank}`,
    key,
    `${owner}/${template}`,
    `${count}`,
    hot ? 'hot' : '',
  ])
  for (const line of tableLines(['RANK', 'KEY', 'TEMPLATE', 'READS', 'HOT'], rows)) terminal.print(line)
}

/** For machines: the rule and the keys. */
export const topKeysJson = (settings: HotKeysSettings, keys: readonly RankedKey[]): string =>
  JSON.stringify({ ...settings, keys }, null, 2)
