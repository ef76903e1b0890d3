import { Readable } from 'node:stream'
import { tagFilter } from '@freshet/explain'
import { seenFence } from '@freshet/explain/api'
import { Controller, Get, Header, Query, Res, StreamableFile } from '@nestjs/common'
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { ApiSources } from './api-sources.js'
import { Guarded } from './guarded.js'
import { WatchHub } from './watch-hub.js'

const ofTag = z.strictObject({ tag: z.string().min(1).max(4_096).optional() })

/** Fences as they happen. */
@Controller('watch')
@Guarded()
export class WatchController {
  constructor(
    private readonly sources: ApiSources,
    private readonly hub: WatchHub,
  ) {}

  @Get()
  @Header('cache-control', 'no-store')
  @Header('connection', 'close') // it would be kept open once a draining service has ended the stream
  @ApiOperation({
    summary: 'Fences as they happen, as server-sent events: watching, then fence, and missed where some were dropped',
  })
  @ApiOkResponse({ standardSchema: seenFence, description: 'text/event-stream; the data of each event "fence"' })
  watch(
    @Query({ schema: ofTag }) { tag }: z.infer<typeof ofTag>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): StreamableFile {
    const isWatched = tag === undefined ? () => true : tagFilter(this.sources.catalogs, tag)
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    return new StreamableFile(Readable.from(this.hub.watch(isWatched, gone.signal)), { type: 'text/event-stream' })
  }
}
