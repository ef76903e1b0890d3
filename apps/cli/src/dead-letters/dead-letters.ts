import { topics, type DeadLetterRecord } from '@freshet/events'
import type { KafkaPort } from '@freshet/kafka'
import { readToEnd } from '../read-to-end.js'
import { tableLines } from '../table.js'
import type { Terminal } from '../terminal.js'

/** Ids that were asked for, but are not among the dead letters. */
export class DeadLetterUnknownError extends Error {
  readonly code = 'DEAD_LETTER_UNKNOWN'

  constructor(readonly ids: readonly string[]) {
    super(`No dead letter has the id ${ids.join(', ')}; freshet dead-letters list shows those that are kept`)
    this.name = 'DeadLetterUnknownError'
  }
}

/** Reads what could not be read, the oldest first. */
export async function readDeadLetters(kafka: KafkaPort, topicPrefix: string): Promise<readonly DeadLetterRecord[]> {
  const letters: DeadLetterRecord[] = []
  await readToEnd(kafka, [topics(topicPrefix).deadLetters], (record) => {
    if (record.kind === 'dead-letter') letters.push(record)
  })
  return letters
}

export function printDeadLetters(terminal: Terminal, letters: readonly DeadLetterRecord[]): void {
  if (letters.length === 0) {
    terminal.print('There are no dead letters.')
    return
  }
  const rows = letters.map(({ id, original, attempts, reason }) => [id, `${original.length}`, `${attempts}`, reason])
  for (const line of tableLines(['ID (TOPIC/PARTITION/OFFSET)', 'BYTES', 'ATTEMPTS', 'REASON'], rows))
    terminal.print(line)
}

/**
 * Sends the letters to where they came from, as they were; they stay among the dead letters.
 *
 * Throws DeadLetterUnknownError, before anything is sent, and SendFailedError.
 */
export async function replayDeadLetters(
  kafka: KafkaPort,
  letters: readonly DeadLetterRecord[],
  wanted: readonly string[] | 'all',
): Promise<readonly DeadLetterRecord[]> {
  const chosen = wanted === 'all' ? letters : letters.filter(({ id }) => wanted.includes(id))
  const unknown = wanted === 'all' ? [] : wanted.filter((id) => !letters.some((letter) => letter.id === id))
  if (unknown.length > 0) throw new DeadLetterUnknownError(unknown)
  if (chosen.length === 0) return []
  const producer = await kafka.producer()
  try {
    await producer.send(
      chosen.map(({ sourceTopic, sourcePartition, original, originalKey, originalHeaders }) => ({
        topic: sourceTopic,
        partition: sourcePartition,
        key: originalKey ?? null,
        value: original,
        headers: originalHeaders,
      })),
    )
  } finally {
    await producer.close()
  }
  return chosen
}
