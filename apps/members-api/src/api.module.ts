import { ProblemFilter, Validation } from '@freshet/service-kit'
import { Module } from '@nestjs/common'
import { APP_FILTER, APP_INTERCEPTOR, APP_PIPE } from '@nestjs/core'
import { Database } from './database/database.js'
import { MemberStore } from './members/member-store.js'
import { MembersController } from './members/members.controller.js'
import { OrganizationsController } from './members/organizations.controller.js'
import { PaymentStore } from './payments/payment-store.js'
import { PaymentsController } from './payments/payments.controller.js'
import { dispositions } from './problem/dispositions.js'
import { ReportsController } from './reports/reports.controller.js'
import { CommitTokens } from './token/token.interceptor.js'

/** The HTTP side, over a `Cache` and a `Pool` that the application provides. */
@Module({
  controllers: [MembersController, OrganizationsController, PaymentsController, ReportsController],
  providers: [
    Database,
    MemberStore,
    PaymentStore,
    { provide: APP_FILTER, useValue: new ProblemFilter(dispositions) },
    { provide: APP_PIPE, useClass: Validation },
    { provide: APP_INTERCEPTOR, useClass: CommitTokens },
  ],
})
export class ApiModule {}
