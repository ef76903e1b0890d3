import { HttpException } from '@nestjs/common'
import { z } from 'zod'

/** A field of the request that is at fault. */
export const faultyField = z.strictObject({
  /** Dotted path inside body, query or path: `amount`, `items.3.name`. */
  field: z.string(),
  detail: z.string(),
})

/** An error as RFC 9457 has it; `errors` lists every faulty field at once. */
export const problemDetails = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().optional(),
    instance: z.string().optional(),
    errors: z.array(faultyField).optional(),
  })
  .meta({ id: 'Problem' })

export type FaultyField = z.infer<typeof faultyField>
export type ProblemDetails = z.infer<typeof problemDetails>

/** An answer other than the wished one; the filter writes it as `application/problem+json`. */
export class Problem extends HttpException {
  constructor(
    readonly details: Omit<ProblemDetails, 'type' | 'instance'>,
    /** Seconds after which the same request may succeed. */
    readonly retryAfterSeconds?: number,
  ) {
    super(details.detail ?? details.title, details.status)
  }
}

export const notFound = (what: string): Problem =>
  new Problem({ title: 'Not Found', status: 404, detail: `There is no ${what}.` })

export const badRequest = (errors: readonly FaultyField[]): Problem =>
  new Problem({
    title: 'Bad Request',
    status: 400,
    detail: 'The request is malformed; errors lists each field and what was expected.',
    errors: [...errors],
  })

export const conflict = (detail: string, errors?: FaultyField[]): Problem =>
  new Problem({ title: 'Conflict', status: 409, detail, ...(errors && { errors }) })

export const unprocessable = (errors: FaultyField[]): Problem =>
  new Problem({
    title: 'Unprocessable Content',
    status: 422,
    detail: 'The request refers to what does not exist.',
    errors,
  })

export const unavailable = (detail: string, retryAfterSeconds = 1): Problem =>
  new Problem({ title: 'Service Unavailable', status: 503, detail }, retryAfterSeconds)
