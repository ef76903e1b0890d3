import { ageHeader, cacheStatusHeader, type Reading } from '@freshet/cache'
import {
  applyDecorators,
  Injectable,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common'
import { ApiHeader, ApiNotFoundResponse, ApiOkResponse } from '@nestjs/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { map, type Observable } from 'rxjs'
import type { z } from 'zod'
import { notFound, problemDetails } from '@freshet/service-kit'
import { TOKEN } from '../token/token.interceptor.js'

/**
 * Turns a reading of the cache into the response: the value as body, where it came from as `Cache-Status` (RFC 9211) and
 * how old it is as `Age` (seconds). A null is a cached "there is none": 404.
 */
@Injectable()
export class CachedResponse implements NestInterceptor<Reading<unknown>, unknown> {
  intercept(context: ExecutionContext, next: CallHandler<Reading<unknown>>): Observable<unknown> {
    const http = context.switchToHttp()
    const request = http.getRequest<FastifyRequest>()
    const reply = http.getResponse<FastifyReply>()
    return next.handle().pipe(
      map((reading) => {
        void reply.headers({
          'cache-status': cacheStatusHeader(reading),
          age: ageHeader(reading),
          'cache-control': 'no-store', // nobody would tell a cache further out to drop it
        })
        if (reading.value === null) throw notFound(`resource at ${request.url}`)
        return reading.value
      }),
    )
  }
}

/** A GET that returns a `Reading` of the given shape. */
export const Cached = (shape: z.ZodType): MethodDecorator =>
  applyDecorators(
    UseInterceptors(CachedResponse),
    ApiHeader({ name: TOKEN, description: 'Of a write: no older state is answered', required: false }),
    ApiOkResponse({
      standardSchema: shape,
      headers: {
        'Cache-Status': { description: 'Which layer answered (RFC 9211)', schema: { type: 'string' } },
        Age: { description: 'Seconds since the value was loaded', schema: { type: 'integer' } },
      },
    }),
    ApiNotFoundResponse({ standardSchema: problemDetails }),
  )
