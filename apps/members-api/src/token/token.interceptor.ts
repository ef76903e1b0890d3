import { Cache } from '@freshet/cache'
import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common'
import { parseCookie, stringifySetCookie } from 'cookie'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { from, mergeMap, Observable } from 'rxjs'

/** Name of the header, and of the cookie, that a commit's token travels in. */
export const TOKEN = 'Freshet-Token'

/** Longer than any layer is behind; a token that is older than all of them asks for nothing. */
const COOKIE_SECONDS = 60

/**
 * Read your writes over HTTP (G3): the answer to a write carries the token of its commit, in a header for programs and in a
 * cookie for browsers; a request that brings it back is answered with no state from before that commit.
 */
@Injectable()
export class CommitTokens implements NestInterceptor {
  constructor(private readonly cache: Cache) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const http = context.switchToHttp()
    const request = http.getRequest<FastifyRequest>()
    const { cache } = this
    // The handler runs when it is subscribed to.
    const handled = new Observable((subscriber) =>
      cache.withToken(tokenOf(request), () => next.handle().subscribe(subscriber)),
    )
    if (request.method === 'GET') return handled
    const reply = http.getResponse<FastifyReply>()
    return handled.pipe(mergeMap((answer) => from(this.hand(reply).then(() => answer))))
  }

  private async hand(reply: FastifyReply): Promise<void> {
    const token = await this.cache.token()
    const cookie = {
      name: TOKEN,
      value: token,
      path: '/',
      httpOnly: true,
      sameSite: 'lax',
      maxAge: COOKIE_SECONDS,
    } as const
    void reply.headers({ [TOKEN.toLowerCase()]: token, 'set-cookie': stringifySetCookie(cookie) })
  }
}

function tokenOf({ headers }: FastifyRequest): string | undefined {
  const header = headers[TOKEN.toLowerCase()]
  if (typeof header === 'string') return header
  return headers.cookie === undefined ? undefined : parseCookie(headers.cookie)[TOKEN]
}
