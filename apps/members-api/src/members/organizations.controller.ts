import { Cache, type Reading } from '@freshet/cache'
import {
  keys,
  model,
  queries,
  type Member,
  type OrganizationMembersQuery,
  type Page,
  type Statement,
} from '@freshet/members-catalog'
import { Controller, Get, Param, Query } from '@nestjs/common'
import { ApiBadRequestResponse } from '@nestjs/swagger'
import { Cached } from '../cached/cached.js'
import { problemDetails } from '@freshet/service-kit'

@Controller('organizations')
@ApiBadRequestResponse({ standardSchema: problemDetails })
export class OrganizationsController {
  constructor(private readonly cache: Cache) {}

  @Get(':id/members')
  @Cached(model.memberPage)
  members(
    @Param('id', { schema: queries.id }) organizationId: string,
    @Query({ schema: queries.organizationMembersQuery }) query: OrganizationMembersQuery,
  ): Promise<Reading<Page<Member>>> {
    return this.cache.read(keys.ofOrg.of({ organizationId, query }))
  }

  @Get(':id/statement')
  @Cached(model.statement)
  statement(@Param('id', { schema: queries.id }) organizationId: string): Promise<Reading<Statement>> {
    return this.cache.read(keys.statement.of({ query: { organizationId } }))
  }
}
