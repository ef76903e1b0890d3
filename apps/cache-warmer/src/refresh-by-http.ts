import type { Refresh, Refreshed } from '@freshet/cache'

/** The service did not refresh a key. */
export class RefreshFailedError extends Error {
  readonly code = 'REFRESH_FAILED'

  constructor(
    readonly url: string,
    readonly status: number,
    readonly reason: string,
  ) {
    super(`${url} answered ${status}: ${reason}`)
    this.name = 'RefreshFailedError'
  }
}

export interface HttpRefreshOptions {
  /** Where the service answers refreshes. */
  readonly url: string
  readonly secret: string
  /** Longer than a load may take there. */
  readonly timeoutMs?: number
}

const outcomes: readonly string[] = ['warmed', 'fresh', 'early', 'refused', 'foreign']

/** Has the service that owns the values load and store them, by its own client; `refreshHandler` answers there. */
export const refreshByHttp =
  ({ url, secret, timeoutMs = 35_000 }: HttpRefreshOptions): Refresh =>
  async (request) => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      body: JSON.stringify(request),
      redirect: 'error', // the secret is for this place only
      signal: AbortSignal.timeout(timeoutMs),
    })
    const text = await response.text()
    const answer = json(text)
    if (response.status !== 200)
      throw new RefreshFailedError(url, response.status, reasonIn(answer) ?? text.slice(0, 200))
    if (!isRefreshed(answer))
      throw new RefreshFailedError(url, 200, `no answer of refreshHandler: ${text.slice(0, 200)}`)
    return answer
  }

function json(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const reasonIn = (answer: unknown): string | undefined =>
  typeof answer === 'object' && answer !== null && 'error' in answer ? String(answer.error) : undefined

const isRefreshed = (answer: unknown): answer is Refreshed =>
  typeof answer === 'object' &&
  answer !== null &&
  'outcome' in answer &&
  outcomes.includes(String(answer.outcome)) &&
  (answer.outcome !== 'early' || (numberIn(answer, 'notBefore') && numberIn(answer, 'deadline'))) &&
  (answer.outcome !== 'refused' || ('reason' in answer && typeof answer.reason === 'string'))

const numberIn = (answer: object, name: string): boolean => Number.isFinite((answer as Record<string, unknown>)[name])
