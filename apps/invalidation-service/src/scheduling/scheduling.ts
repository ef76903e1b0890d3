import type { Tag } from '@freshet/cache-keys'
import type { Catalog } from '@freshet/catalog'
import { windowsToOpen } from '@freshet/coherence'
import type { HotKey } from '../hot-keys/hot-keys.js'
import { ErrorWindows } from './error-windows.js'
import { HotIndex, type HotTarget } from './hot-index.js'
import { RefreshSchedule, type ScheduledRefresh } from './refresh-schedule.js'

/** Who is hot, the hottest first; the same list again for as long as nothing has changed. */
export interface HotKeySource {
  hot(): readonly HotKey[]
}

/** The catalogs that plan here; the same list again for as long as none comes or goes. */
export interface CatalogSource {
  readonly catalogs: readonly Catalog[]
}

/** What is to be done for hot keys when their tags are fenced. */
export class Scheduling {
  private readonly schedule = new RefreshSchedule()
  private errors: { readonly catalogs: readonly Catalog[]; readonly windows: ErrorWindows } = {
    catalogs: [],
    windows: new ErrorWindows([]),
  }
  private known: { readonly hot: readonly HotKey[]; readonly catalogs: readonly Catalog[]; readonly index: HotIndex }

  constructor(
    private readonly hotKeys: HotKeySource,
    private readonly directory: CatalogSource,
  ) {
    this.known = { hot: [], catalogs: [], index: new HotIndex([], []) }
  }

  /** The windows that the rotation of a tag opens, in milliseconds. */
  windowsOf(tag: Tag, isRepeat: boolean): readonly number[] {
    const cause = tag.shard === 'all' ? 'template' : 'change'
    const ofHot = this.index.coveredBy(tag).map(({ template }) => template.staleWhileRevalidateMs)
    return windowsToOpen({ cause, isRepeat }, [...ofHot, ...this.errorWindows.of(tag)])
  }

  /** The hot keys among what these tags cover, each once. */
  hotAmong(tags: readonly Tag[]): readonly HotTarget[] {
    return [...new Set(tags.flatMap((tag) => this.index.coveredBy(tag)))]
  }

  /** How many of the tags cover no hot key: with their fence all is done. */
  coldAmong(tags: readonly Tag[]): number {
    const { index } = this
    return tags.filter((tag) => index.coveredBy(tag).length === 0).length
  }

  /** The refreshes that hot keys need which were fenced just now; `asked` is to follow once the warmer has them. */
  refreshesOf(fenced: readonly HotTarget[], nowMs: number): readonly ScheduledRefresh[] {
    return this.schedule.plan(fenced, nowMs)
  }

  asked(refreshes: readonly ScheduledRefresh[], nowMs: number): void {
    this.schedule.asked(refreshes, nowMs)
  }

  private get errorWindows(): ErrorWindows {
    const { catalogs } = this.directory
    if (catalogs !== this.errors.catalogs) this.errors = { catalogs, windows: new ErrorWindows(catalogs) }
    return this.errors.windows
  }

  private get index(): HotIndex {
    const hot = this.hotKeys.hot()
    const { catalogs } = this.directory
    if (hot !== this.known.hot || catalogs !== this.known.catalogs)
      this.known = { hot, catalogs, index: new HotIndex(hot, catalogs) }
    return this.known.index
  }
}
