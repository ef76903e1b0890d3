import { Redis } from 'ioredis'
import type pg from 'pg'
import { loadPage, type Page } from './pages.js'
import type { ReadPage } from './reads.js'

/** What is written by hand everywhere: delete on change, and one load at a time for each key and process. */
export class PlainCache {
  private readonly redis: Redis
  private readonly flights = new Map<string, Promise<Page>>()

  constructor(
    url: string,
    private readonly pool: pg.Pool,
  ) {
    this.redis = new Redis(url)
  }

  readonly read: ReadPage = async (page) => {
    const key = nameOf(page)
    const found = await this.redis.get(key)
    if (found !== null) {
      const { loadedAtMs } = JSON.parse(found) as { loadedAtMs: number; value: Page }
      return { isHit: true, isStale: false, loadedAtMs }
    }
    const under = this.flights.get(key)
    const flight = under ?? this.fill(key, page)
    await flight
    return { isHit: false, isStale: false, loadedAtMs: Date.now() }
  }

  /** All pages of the organisation, behind each commit. */
  async invalidate(pages: number): Promise<void> {
    await this.redis.del(Array.from({ length: pages }, (_, page) => nameOf(page)))
  }

  close(): void {
    this.redis.disconnect()
  }

  private fill(key: string, page: number): Promise<Page> {
    const flight = (async () => {
      const value = await loadPage(this.pool, page, 'readers')
      await this.redis.set(key, JSON.stringify({ value, loadedAtMs: Date.now() }), 'PX', 600_000)
      return value
    })().finally(() => this.flights.delete(key))
    this.flights.set(key, flight)
    return flight
  }
}

const nameOf = (page: number): string => `plain:org:1:rows:${page}`
