import { Cache, type Reading } from '@freshet/cache'
import {
  keys,
  model,
  queries,
  type Balance,
  type Member,
  type MemberListQuery,
  type Page,
  type Profile,
  type Summary,
  type Transaction,
  type TransactionsQuery,
} from '@freshet/members-catalog'
import { Body, Controller, Delete, Get, HttpCode, Param, Patch, Post, Query, Res } from '@nestjs/common'
import {
  ApiBadRequestResponse,
  ApiConflictResponse,
  ApiCreatedResponse,
  ApiNoContentResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
} from '@nestjs/swagger'
import type { FastifyReply } from 'fastify'
import { Cached } from '../cached/cached.js'
import { problemDetails } from '@freshet/service-kit'
import { MemberStore } from './member-store.js'
import { memberChange, newMember, type MemberChange, type NewMember } from './members.schemas.js'

const id = { schema: queries.id }

@Controller('members')
@ApiBadRequestResponse({ standardSchema: problemDetails })
export class MembersController {
  constructor(
    private readonly cache: Cache,
    private readonly store: MemberStore,
  ) {}

  @Get()
  @Cached(model.memberPage)
  list(@Query({ schema: queries.memberListQuery }) query: MemberListQuery): Promise<Reading<Page<Member>>> {
    return this.cache.read(keys.list.of({ query }))
  }

  @Get(':id')
  @Cached(model.profile)
  profile(@Param('id', id) id: string): Promise<Reading<Profile | null>> {
    return this.cache.read(keys.profile.of({ id }))
  }

  @Get(':id/balance')
  @Cached(model.balance)
  balance(@Param('id', id) id: string): Promise<Reading<Balance | null>> {
    return this.cache.read(keys.balance.of({ id }))
  }

  @Get(':id/transactions')
  @Cached(model.transactionPage)
  transactions(
    @Param('id', id) id: string,
    @Query({ schema: queries.transactionsQuery }) query: TransactionsQuery,
  ): Promise<Reading<Page<Transaction>>> {
    return this.cache.read(keys.transactions.of({ id, query }))
  }

  @Get(':id/summary')
  @Cached(model.summary)
  summary(@Param('id', id) memberId: string): Promise<Reading<Summary>> {
    return this.cache.read(keys.summary.of({ memberId }))
  }

  // Writes only write: the change itself, read from the write-ahead log, fences what it makes wrong.

  @Post()
  @ApiCreatedResponse({ standardSchema: model.profile })
  @ApiConflictResponse({ standardSchema: problemDetails })
  async add(
    @Body({ schema: newMember }) member: NewMember,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<Profile> {
    const added = await this.store.add(member)
    void reply.header('location', `/members/${added.id}`)
    return added
  }

  @Patch(':id')
  @ApiOkResponse({ standardSchema: model.profile })
  @ApiNotFoundResponse({ standardSchema: problemDetails })
  @ApiConflictResponse({ standardSchema: problemDetails })
  change(@Param('id', id) id: string, @Body({ schema: memberChange }) change: MemberChange): Promise<Profile> {
    return this.store.change(id, change)
  }

  @Delete(':id')
  @HttpCode(204)
  @ApiNoContentResponse()
  @ApiNotFoundResponse({ standardSchema: problemDetails })
  @ApiConflictResponse({ standardSchema: problemDetails })
  remove(@Param('id', id) id: string): Promise<void> {
    return this.store.remove(id)
  }
}
