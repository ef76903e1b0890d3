import { setTimeout as pause } from 'node:timers/promises'
import { FenceFeed, type SeenFence, type TagFilter } from '@freshet/explain'
import { Injectable, type BeforeApplicationShutdown } from '@nestjs/common'
import { ApiBusyError } from './one-at-a-time.js'
import { ApiSources } from './api-sources.js'

const mostWatchers = 100
/** Fences that a slow watcher has not taken; older ones are dropped, and it is told how many. */
const mostHeld = 1_000
const stillHereMs = 15_000

/** One who watches: what has not been written to it yet, as server-sent events. */
interface Watcher {
  readonly isWatched: TagFilter
  readonly held: string[]
  dropped: number
  wake: () => void
}

/**
 * Tells watchers of fences, by one reader for all of them.
 *
 *   idle --first watcher--> reading --last one leaves--> idle
 *   any --shutdown--> over: all watchers' streams end
 */
@Injectable()
export class WatchHub implements BeforeApplicationShutdown {
  private readonly watchers = new Set<Watcher>()
  private readonly over = new AbortController()
  private reading: { readonly feed: FenceFeed; readonly started: Promise<void> } | undefined

  constructor(private readonly sources: ApiSources) {}

  /** Fences as server-sent events until the signal. Throws ApiBusyError. */
  watch(isWatched: TagFilter, signal: AbortSignal): AsyncGenerator<string> {
    if (this.watchers.size >= mostWatchers) throw new ApiBusyError(`${mostWatchers} watch already`)
    return this.events(
      { isWatched, held: [], dropped: 0, wake: () => undefined },
      AbortSignal.any([signal, this.over.signal]),
    )
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.over.abort()
    const { feed } = this.reading ?? {}
    this.reading = undefined
    await feed?.close()
  }

  private async *events(watcher: Watcher, signal: AbortSignal): AsyncGenerator<string> {
    const ended = new Promise<void>((resolve) => {
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
    this.watchers.add(watcher)
    try {
      yield ': Freshet\n\n' // the headers go out with it
      if (!signal.aborted) await Promise.race([this.read(), ended])
      if (!signal.aborted) yield 'event: watching\ndata: {}\n\n'
      while (!signal.aborted) {
        if (watcher.held.length === 0) await news(watcher, ended)
        const { dropped, held } = watcher
        watcher.dropped = 0
        if (dropped > 0) yield missed(dropped)
        yield* held.length === 0 ? [': still here\n\n'] : held.splice(0)
      }
    } finally {
      this.watchers.delete(watcher)
      if (this.watchers.size === 0) this.rest()
    }
  }

  private read(): Promise<void> {
    if (!this.reading) {
      const { kafka, topicPrefix } = this.sources
      const feed = new FenceFeed({
        kafka,
        topicPrefix,
        catalogs: () => this.sources.catalogs,
        isWatched: (tag) => [...this.watchers].some(({ isWatched }) => isWatched(tag)),
        onFence: (fence) => this.tell(fence),
        onMissed: () => {
          for (const watcher of this.watchers) give(watcher, missed())
        },
      })
      this.reading = { feed, started: feed.start() }
      this.reading.started.catch(() => undefined) // only when it is closed before it has begun
    }
    return this.reading.started
  }

  private rest(): void {
    const { feed } = this.reading ?? {}
    this.reading = undefined
    feed?.close().catch(() => undefined) // the port closes what is left
  }

  private tell(fence: SeenFence): void {
    let event: string | undefined
    for (const watcher of this.watchers)
      if (watcher.isWatched({ text: fence.tag, shard: fence.shard }))
        give(watcher, (event ??= `event: fence\ndata: ${JSON.stringify(fence)}\n\n`))
  }
}

const missed = (fences?: number): string => `event: missed\ndata: ${JSON.stringify({ fences })}\n\n`

function give(watcher: Watcher, event: string): void {
  watcher.held.push(event)
  if (watcher.held.length > mostHeld) {
    watcher.held.shift()
    watcher.dropped++
  }
  watcher.wake()
}

/** Resolves when there is something for the watcher, when it has ended, or after a while. */
async function news(watcher: Watcher, ended: Promise<void>): Promise<void> {
  const over = new AbortController()
  const given = new Promise<void>((resolve) => {
    watcher.wake = resolve
  })
  await Promise.race([given, ended, pause(stillHereMs, undefined, { signal: over.signal }).catch(() => undefined)])
  over.abort()
}
