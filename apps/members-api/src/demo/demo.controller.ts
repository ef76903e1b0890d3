import { Cache, OccurrenceCounter, type CacheHealth, type TemplateCounts } from '@freshet/cache'
import { KeyWithoutCatalogError, type TypedKey } from '@freshet/catalog'
import { Body, Controller, Get, HttpCode, Post } from '@nestjs/common'
import { Problem } from '@freshet/service-kit'
import { cachedRequest, type CachedRequest, type NamedKey } from './demo.schemas.js'
import { FenceLatency } from './fence-latency.js'

/** A value as a layer holds it; null where it holds none that it may serve. */
type HeldInLayer = { readonly value: unknown; readonly loadedAtMs: number } | null

/** Opens the layers to the demo's checker, key by key, without loading, filling or counting. Only with FRESHET_DEMO. */
@Controller('demo')
export class DemoController {
  constructor(
    private readonly cache: Cache,
    private readonly counter: OccurrenceCounter,
    private readonly latency: FenceLatency,
  ) {}

  /** What one layer would serve now, in the order of the keys. */
  @Post('cached')
  @HttpCode(200)
  async cached(@Body({ schema: cachedRequest }) { layer, keys }: CachedRequest): Promise<{ values: HeldInLayer[] }> {
    const readings = await Promise.all(keys.map((named, index) => this.cache.peek(layer, this.keyOf(named, index))))
    return {
      values: readings.map((reading) =>
        reading === undefined ? null : { value: reading.value, loadedAtMs: reading.loadedAtMs },
      ),
    }
  }

  /** Every key of this instance's L1. */
  @Get('l1/keys')
  keysInL1(): { keys: NamedKey[] } {
    return { keys: this.cache.keysInL1().map(({ template, parameters }) => ({ template, parameters })) }
  }

  @Get('counters')
  counters(): { health: CacheHealth; templates: Record<string, TemplateCounts>; commitToL1Ms: readonly number[] } {
    const templates = Object.fromEntries(this.counter.templates())
    return { health: this.cache.health(), templates, commitToL1Ms: this.latency.samples }
  }

  private keyOf({ template, parameters }: NamedKey, index: number): TypedKey {
    try {
      return this.cache.key(template, parameters)
    } catch (error) {
      if (!(error instanceof KeyWithoutCatalogError)) throw error
      throw new Problem({
        title: 'Bad Request',
        status: 400,
        errors: [{ field: `keys.${index}.template`, detail: error.message }],
      })
    }
  }
}
