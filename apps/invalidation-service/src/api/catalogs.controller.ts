import { graphFormats, graphText } from '@freshet/explain'
import { dependencyGraphJson, listedCatalogs, type ListedCatalogs } from '@freshet/explain/api'
import { formatLsn } from '@freshet/pgoutput'
import { dependencyGraph } from '@freshet/planner'
import { Controller, Get, Query, Res } from '@nestjs/common'
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger'
import type { FastifyReply } from 'fastify'
import { z } from 'zod'
import { ApiSources } from './api-sources.js'
import { Guarded } from './guarded.js'

const ofFormat = z.strictObject({ format: z.enum(graphFormats).default('json') })

/** The rules by which changes make cached values stale. */
@Controller('catalogs')
@Guarded()
export class CatalogsController {
  constructor(private readonly sources: ApiSources) {}

  @Get()
  @ApiOperation({
    summary: 'All catalogs that plan here, since when clients may store under them, and what is wrong with others',
  })
  @ApiOkResponse({ standardSchema: listedCatalogs })
  async list(): Promise<ListedCatalogs> {
    const { catalogs, refused, values } = this.sources
    return Promise.all(
      catalogs.map(async ({ owner, version, fingerprint }) => {
        const held = await values.catalogInForce(owner, version)
        const refusal = refused.find(
          (one) => one.owner === owner && one.version === version && one.fingerprint === fingerprint,
        )
        return {
          owner,
          version,
          fingerprint,
          ...(held?.fingerprint === fingerprint && { inForceSince: formatLsn(held.lsn) }),
          ...(refusal && { faults: refusal.faults }),
        }
      }),
    )
  }

  @Get('graph')
  @ApiOperation({ summary: 'What makes what wrong: tables and events, templates, and what is derived from them' })
  @ApiOkResponse({ standardSchema: dependencyGraphJson, description: 'JSON; of the other formats text' })
  graph(
    @Query({ schema: ofFormat }) { format }: z.infer<typeof ofFormat>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): string {
    const type = format === 'json' ? 'application/json' : 'text/plain'
    void reply.header('content-type', `${type}; charset=utf-8`)
    return graphText(dependencyGraph(this.sources.catalogs), format)
  }
}
