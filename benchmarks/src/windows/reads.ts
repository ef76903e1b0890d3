import { setTimeout as delay } from 'node:timers/promises'
import { percentile, type Random } from '@freshet/demo'

/** How a read was answered. */
export interface Answer {
  readonly isHit: boolean
  /** Fenced, and within its window. */
  readonly isStale: boolean
  /** When the value was loaded, in milliseconds since 1970. */
  readonly loadedAtMs: number
}

export interface Read extends Answer {
  readonly page: number
  /** When it began, in milliseconds since 1970. */
  readonly at: number
  readonly tookMs: number
}

export type ReadPage = (page: number) => Promise<Answer>

/** Reads so many pages a second for so long, some far more often than others, by each of the readers in turn. */
export async function readSteadily(readers: readonly ReadPage[], options: ReadOptions): Promise<readonly Read[]> {
  const { perSecond, seconds, pages, random } = options
  const reads: Promise<Read>[] = []
  const startedMs = performance.now()
  for (let number = 0; number < perSecond * seconds;) {
    const due = Math.min(perSecond * seconds, ((performance.now() - startedMs) / 1_000) * perSecond)
    for (; number < due; number++) {
      const reader = readers[number % readers.length]
      if (reader) reads.push(timed(reader, random === undefined ? number % pages : random.skewed(pages)))
    }
    await delay(1)
  }
  return Promise.all(reads)
}

export interface ReadOptions {
  readonly perSecond: number
  readonly seconds: number
  readonly pages: number
  /** Without it each page as often as the others. */
  readonly random?: Random
}

async function timed(read: ReadPage, page: number): Promise<Read> {
  const at = Date.now()
  const beganMs = performance.now()
  const answer = await read(page)
  return { ...answer, page, at, tookMs: performance.now() - beganMs }
}

const quantile = (reads: readonly Read[], part: number): number =>
  percentile(
    reads.map(({ tookMs }) => tookMs),
    part,
  ) ?? NaN

export const p50 = (reads: readonly Read[]): number => quantile(reads, 0.5)
export const p99 = (reads: readonly Read[]): number => quantile(reads, 0.99)

export const hitRate = (reads: readonly Read[]): number => reads.filter(({ isHit }) => isHit).length / reads.length
