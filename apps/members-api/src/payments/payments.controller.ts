import { queries } from '@freshet/members-catalog'
import { Body, Controller, Param, Patch, Post } from '@nestjs/common'
import {
  ApiBadRequestResponse,
  ApiCreatedResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiUnprocessableEntityResponse,
} from '@nestjs/swagger'
import { problemDetails } from '@freshet/service-kit'
import { PaymentStore, type Payment } from './payment-store.js'
import { newPayment, payment, paymentChange, type NewPayment, type PaymentChange } from './payments.schemas.js'

@Controller('payments')
@ApiBadRequestResponse({ standardSchema: problemDetails })
@ApiUnprocessableEntityResponse({ standardSchema: problemDetails, description: 'There is no such member' })
export class PaymentsController {
  constructor(private readonly store: PaymentStore) {}

  @Post()
  @ApiCreatedResponse({ standardSchema: payment })
  add(@Body({ schema: newPayment }) payment: NewPayment): Promise<Payment> {
    return this.store.add(payment)
  }

  @Patch(':id')
  @ApiOkResponse({ standardSchema: payment })
  @ApiNotFoundResponse({ standardSchema: problemDetails })
  change(
    @Param('id', { schema: queries.id }) id: string,
    @Body({ schema: paymentChange }) change: PaymentChange,
  ): Promise<Payment> {
    return this.store.change(id, change)
  }
}
