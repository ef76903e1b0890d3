import { rankedKeys, type RankedKeys } from '@freshet/explain/api'
import { Controller, Get, Query } from '@nestjs/common'
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger'
import { z } from 'zod'
import { ApiSources } from './api-sources.js'
import { Guarded } from './guarded.js'

const ofTop = z.strictObject({
  top: z
    .string()
    .regex(/^\d{1,5}$/, 'expected a whole number')
    .transform(Number)
    .pipe(z.int().min(1).max(40_000))
    .default(20),
})

/** What all services together read most. */
@Controller('hot-keys')
@Guarded()
export class HotKeysController {
  constructor(private readonly sources: ApiSources) {}

  @Get()
  @ApiOperation({ summary: 'The keys that all services together read most, and which of them are hot' })
  @ApiOkResponse({ standardSchema: rankedKeys })
  top(@Query({ schema: ofTop }) { top }: z.infer<typeof ofTop>): RankedKeys {
    const { hotKeys, ranking } = this.sources
    return { ...hotKeys, keys: ranking?.top(top) ?? [] }
  }
}
