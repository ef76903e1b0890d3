import { dryRun, explainKeyForChanges, explainKeyNow, plannedChanges, undeclaredIn } from '@freshet/explain'
import { explainedChanges, explainedKeys, type ExplainedChanges, type ExplainedKeys } from '@freshet/explain/api'
import { badRequest, problemDetails } from '@freshet/service-kit'
import { Body, Controller, Get, HttpCode, Post, Query } from '@nestjs/common'
import { ApiNotFoundResponse, ApiOkResponse, ApiOperation } from '@nestjs/swagger'
import { z } from 'zod'
import { ApiSources } from './api-sources.js'
import { OneAtATime } from './one-at-a-time.js'
import { Guarded } from './guarded.js'

const key = z.string().min(1).max(4_096)
const ofKey = z.strictObject({ key })
const maybeOfKey = z.strictObject({ key: key.optional() })
type PlannedChanges = z.infer<typeof plannedChanges>

/** How many may wait for an explanation. */
const mostWaiting = 8

/** What governs a key, what fenced it last, and what changes would do. */
@Controller('explain')
@Guarded()
export class ExplainController {
  private readonly readings = new OneAtATime(mostWaiting)

  constructor(private readonly sources: ApiSources) {}

  @Get('keys')
  @ApiOperation({
    summary: 'What governs a key, what can fence it, what Redis holds, what fenced it last, hot or cold',
  })
  @ApiOkResponse({ standardSchema: explainedKeys })
  @ApiNotFoundResponse({ standardSchema: problemDetails })
  key(@Query({ schema: ofKey }) { key: text }: z.infer<typeof ofKey>): Promise<ExplainedKeys> {
    return this.readings.run(() => explainKeyNow(text, this.sources))
  }

  @Post('changes')
  @HttpCode(200)
  @ApiOperation({ summary: 'What changes would fence, and with a key whether they fence it; nothing is applied' })
  @ApiOkResponse({ standardSchema: explainedChanges })
  @ApiNotFoundResponse({ standardSchema: problemDetails })
  changes(
    @Body({ schema: plannedChanges }) body: PlannedChanges,
    @Query({ schema: maybeOfKey }) { key: text }: z.infer<typeof maybeOfKey>,
  ): ExplainedChanges {
    const { catalogs } = this.sources
    const changes = [body].flat()
    const faults = undeclaredIn(catalogs, changes)
    if (faults.length > 0) throw badRequest(faults)
    return {
      ...dryRun(catalogs, changes),
      ...(text !== undefined && { key: explainKeyForChanges(catalogs, text, changes) }),
    }
  }
}
