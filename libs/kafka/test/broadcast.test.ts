import { expect, it } from 'vitest'
import { SoloGroupReader } from '../src/broadcast.js'
import type { Progress } from '../src/membership.js'
import type { BatchConsumer, KafkaAdmin, PartitionOffsets } from '../src/port.js'

it('a reader has caught up when one topic is read to its end while the end of another is asked for', async () => {
  let progress: Progress = {}
  const at = (topic: string, position: bigint) => progress.onPosition?.({ topic, partition: 0 }, position)
  const consumer: Pick<BatchConsumer, 'start' | 'close' | 'health'> = {
    start: async () => {
      at('one', 0n)
      at('other', 0n)
      progress.onReady?.(new Set(['one', 'other']))
    },
    close: () => Promise.resolve(),
    health: () => ({ state: 'consuming' }),
  }
  const admin: Pick<KafkaAdmin, 'offsets'> = {
    offsets: async (topic): Promise<PartitionOffsets[]> => {
      if (topic === 'other') at('one', 2n)
      return [{ partition: 0, low: 0n, high: topic === 'one' ? 2n : 0n }]
    },
  }
  const reader = new SoloGroupReader(
    admin as KafkaAdmin,
    { topics: ['one', 'other'], from: 'earliest' },
    (_options, told) => {
      progress = told
      return consumer as BatchConsumer
    },
    () => Promise.resolve(),
  )
  let hasCaughtUp = false
  void reader.caughtUp().then(() => (hasCaughtUp = true))
  await expect.poll(() => hasCaughtUp).toBe(true)
  await reader.close()
})
