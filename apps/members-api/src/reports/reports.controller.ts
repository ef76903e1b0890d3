import { Cache, type Reading } from '@freshet/cache'
import { keys, model, queries, type Report, type Revenue, type RevenueQuery } from '@freshet/members-catalog'
import { Controller, Get, Param, Query } from '@nestjs/common'
import { ApiBadRequestResponse } from '@nestjs/swagger'
import { Cached } from '../cached/cached.js'
import { problemDetails } from '@freshet/service-kit'

@Controller('reports')
@ApiBadRequestResponse({ standardSchema: problemDetails })
export class ReportsController {
  constructor(private readonly cache: Cache) {}

  @Get('revenue')
  @Cached(model.revenue)
  revenue(@Query({ schema: queries.revenueQuery }) query: RevenueQuery): Promise<Reading<Revenue>> {
    return this.cache.read(keys.revenue.of({ query }))
  }

  @Get('organizations/:id')
  @Cached(model.report)
  organization(@Param('id', { schema: queries.id }) organizationId: string): Promise<Reading<Report>> {
    return this.cache.read(keys.report.of({ organizationId }))
  }
}
