import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Problem, type ProblemDetails } from './problem.js'

/** Errors of what lies below, by their code, and what a caller is told of them. */
export type ProblemsByCode = Readonly<Record<string, (error: Error) => Problem>>

/** Writes every error as `application/problem+json` (RFC 9457). What is not the caller's affair is logged, not told. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly log = new Logger('http')

  constructor(private readonly dispositions: ProblemsByCode = {}) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp()
    const request = http.getRequest<FastifyRequest>()
    const reply = http.getResponse<FastifyReply>()
    const problem = toProblem(error, this.dispositions)
    if (problem.details.status >= 500)
      this.log.error(
        `${request.method} ${request.url}: ${String(error)}`,
        error instanceof Error ? error.stack : undefined,
      )
    if (problem.retryAfterSeconds !== undefined) void reply.header('retry-after', String(problem.retryAfterSeconds))
    const body: ProblemDetails = { type: 'about:blank', instance: request.url, ...problem.details }
    void reply
      .status(body.status)
      .header('content-type', 'application/problem+json; charset=utf-8')
      .send(JSON.stringify(body))
  }
}

function toProblem(error: unknown, dispositions: ProblemsByCode): Problem {
  if (error instanceof Problem) return error
  if (error instanceof HttpException) return plain(error.getStatus(), error.message)
  const { code, statusCode, message } = facts(error)
  const known = code === undefined ? undefined : dispositions[code]
  if (known && error instanceof Error) return known(error)
  // Fastify's own refusals: broken JSON, a body too large, an unknown media type
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return plain(statusCode, message)
  return plain(500, 'The request failed for a reason on our side.')
}

const plain = (status: number, detail: string): Problem =>
  new Problem({ title: titles[status] ?? (status < 500 ? 'Bad Request' : 'Internal Server Error'), status, detail })

const titles: Readonly<Record<number, string>> = {
  404: 'Not Found',
  405: 'Method Not Allowed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  503: 'Service Unavailable',
}

function facts(error: unknown): { code?: string; statusCode?: number; message: string } {
  if (!(error instanceof Error)) return { message: String(error) }
  return {
    message: error.message,
    ...('code' in error && typeof error.code === 'string' && { code: error.code }),
    ...('statusCode' in error && typeof error.statusCode === 'number' && { statusCode: error.statusCode }),
  }
}
