import { problemDetails, Validation } from '@freshet/service-kit'
import { applyDecorators, UseGuards, UsePipes } from '@nestjs/common'
import {
  ApiBadRequestResponse,
  ApiBearerAuth,
  ApiForbiddenResponse,
  ApiServiceUnavailableResponse,
  ApiUnauthorizedResponse,
} from '@nestjs/swagger'
import { Admission } from './admission.guard.js'

/** A controller of the API: for whom it is, how its input is judged, and what it answers otherwise. */
export const Guarded = (): ClassDecorator =>
  applyDecorators(
    UseGuards(Admission),
    UsePipes(Validation),
    ApiBearerAuth(),
    ApiBadRequestResponse({ standardSchema: problemDetails }),
    ApiUnauthorizedResponse({ standardSchema: problemDetails }),
    ApiForbiddenResponse({ standardSchema: problemDetails }),
    ApiServiceUnavailableResponse({ standardSchema: problemDetails }),
  )
