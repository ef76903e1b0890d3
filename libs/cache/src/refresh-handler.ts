import { createHash, timingSafeEqual } from 'node:crypto'
import type { Cache } from './cache.js'
import { LoadLimitError } from './errors.js'
import { refreshBy, type RefreshRequest } from './refresh.js'

export interface RefreshHandlerOptions {
  /** What the warmer has to show; `FRESHET_REFRESH_SECRET` there. At least 16 characters. */
  readonly secret: string
}

/** Of an HTTP request what the handler looks at. */
export interface RefreshCall {
  /** The header of this name. */
  readonly authorization: string | undefined
  /** The body, parsed from JSON. */
  readonly body: unknown
}

/** What is to be answered, as JSON. */
export interface RefreshAnswer {
  readonly status: 200 | 400 | 401 | 502 | 503
  readonly body: object
}

/** A secret that could be guessed. */
export class RefreshSecretError extends Error {
  readonly code = 'REFRESH_SECRET'

  constructor(readonly length: number) {
    super(
      `The secret for refreshes has ${length} characters; give at least ${LEAST_SECRET}, as \`openssl rand -hex 32\` makes`,
    )
    this.name = 'RefreshSecretError'
  }
}

const LEAST_SECRET = 16

/**
 * Answers the warmer's `POST {template, parameters, ttlMs?}`: the service loads the value by its own client and stores it.
 * To be mounted wherever the service serves HTTP; `RefreshModule` of `@freshet/cache/nest` does so in Nest.
 *
 * Throws RefreshSecretError.
 *
 * @example
 * const refresh = refreshHandler(cache, { secret })
 * app.post('/freshet/refresh', async (request, reply) => {
 *   const { status, body } = await refresh({ authorization: request.headers.authorization, body: request.body })
 *   return reply.code(status).send(body)
 * })
 */
export function refreshHandler(
  cache: Pick<Cache, 'key' | 'read'>,
  { secret }: RefreshHandlerOptions,
): (call: RefreshCall) => Promise<RefreshAnswer> {
  if (secret.length < LEAST_SECRET) throw new RefreshSecretError(secret.length)
  const wanted = digest(`Bearer ${secret}`)
  const refresh = refreshBy(cache)
  return async ({ authorization, body }) => {
    if (authorization === undefined || !timingSafeEqual(digest(authorization), wanted))
      return { status: 401, body: { error: 'Authorization must be Bearer and the secret for refreshes' } }
    if (!isRequest(body)) return { status: 400, body: { error: 'the body must be {template, parameters, ttlMs?}' } }
    try {
      return { status: 200, body: await refresh(body) }
    } catch (error) {
      const status = error instanceof LoadLimitError ? 503 : 502
      return { status, body: { error: error instanceof Error ? error.message : String(error) } }
    }
  }
}

/** Of one length, whatever was sent. */
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()

function isRequest(body: unknown): body is RefreshRequest {
  if (!isRecord(body)) return false
  const { template, parameters, ttlMs } = body
  const isLife = ttlMs === undefined || (typeof ttlMs === 'number' && Number.isFinite(ttlMs) && ttlMs >= 0)
  return typeof template === 'string' && isLife && isRecord(parameters) && Object.values(parameters).every(isParameter)
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isScalar = (value: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof value)

/** A scalar, or of a `{query}` its named values. */
const isParameter = (value: unknown): boolean => {
  if (isScalar(value)) return true
  const isValue = (each: unknown): boolean => each === null || isScalar(each)
  return (
    isRecord(value) && Object.values(value).every((each) => (Array.isArray(each) ? each.every(isValue) : isValue(each)))
  )
}
