import { decodeOrSkip, topics } from '@freshet/events'
import { connectKafka } from '@freshet/kafka'
import { windowMs } from './pages.js'
import type { Read } from './reads.js'

/** When the tag was fenced, in milliseconds since 1970, as the service tells every client. */
export class FenceTimes {
  private readonly times: number[] = []

  private constructor(readonly close: () => Promise<void>) {}

  static async follow(brokers: string, tag: string): Promise<FenceTimes> {
    const kafka = connectKafka({ brokers: [brokers], clientId: 'windows-bench' })
    const topic = topics().invalidations
    const reader = kafka.broadcast({
      topics: [topic],
      from: 'latest',
      onRecord: ({ value }) => {
        const record = decodeOrSkip(value, topic)
        if (record.kind === 'invalidation' && record.tags.includes(tag)) fences.times.push(record.fencedAt)
      },
    })
    const fences = new FenceTimes(async () => {
      await reader.close()
      await kafka.close()
    })
    await reader.start()
    return fences
  }

  get count(): number {
    return this.times.length
  }

  /** How much longer than its window a value was served after the first fence since its load, at most; in milliseconds. */
  longestPastWindow(reads: readonly Read[]): number {
    const times = this.times.toSorted((one, other) => one - other)
    let longest = -Infinity
    for (const { isHit, loadedAtMs, at } of reads) {
      if (!isHit) continue
      const first = firstFrom(times, loadedAtMs)
      if (first !== undefined) longest = Math.max(longest, at - first - windowMs)
    }
    return longest
  }
}

/** The first of the sorted times that is not before. */
function firstFrom(times: readonly number[], since: number): number | undefined {
  let [low, high] = [0, times.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((times[middle] ?? 0) < since) low = middle + 1
    else high = middle
  }
  return times[low]
}
