import type { TestChange } from '@freshet/planner/testing'
import type { z } from 'zod'
import {
  dependencyGraphJson,
  explainedChanges,
  explainedKeys,
  listedCatalogs,
  rankedKeys,
  seenFence,
  type ExplainedChanges,
  type ExplainedKeys,
  type GraphJson,
  type ListedCatalogs,
  type RankedKeys,
  type WatchedFence,
} from './schemas.js'

export type { ExplainedChanges, ExplainedKeys, GraphJson, ListedCatalogs, RankedKeys, WatchedFence } from './schemas.js'

/** The API answered something else than the wished; `problem` is its `application/problem+json`, as far as it is one. */
export class ExplainApiError extends Error {
  readonly code = 'EXPLAIN_API'

  constructor(
    readonly status: number,
    readonly problem: { readonly detail?: string; readonly errors?: readonly { field: string; detail: string }[] },
  ) {
    const faults = (problem.errors ?? []).map(({ field, detail }) => `${field}: ${detail}`)
    super(`The API answered ${status}: ${[problem.detail ?? '', ...faults].filter(Boolean).join('; ')}`)
    this.name = 'ExplainApiError'
  }
}

export interface ExplainClientOptions {
  /** Of the invalidation service: `http://127.0.0.1:3002`. */
  readonly url: string
  /** FRESHET_API_TOKEN, where the service has one. */
  readonly token?: string
}

/** Asks the invalidation service. Each method throws ExplainApiError, and what `fetch` and the schemas throw. */
export class ExplainClient {
  constructor(private readonly options: ExplainClientOptions) {}

  /** What governs a key, what can fence it, and how it stands; once for each template that it is a key of. */
  explainKey(key: string): Promise<ExplainedKeys> {
    return this.#json(explainedKeys, `/explain/keys?${query({ key })}`)
  }

  /** What changes would fence, by the catalogs' aliases, and with a key whether they fence it. Nothing is applied. */
  explainChanges(changes: readonly TestChange[], key?: string): Promise<ExplainedChanges> {
    return this.#json(explainedChanges, `/explain/changes?${query({ key })}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(changes),
    })
  }

  catalogs(): Promise<ListedCatalogs> {
    return this.#json(listedCatalogs, '/catalogs')
  }

  graph(): Promise<GraphJson> {
    return this.#json(dependencyGraphJson, '/catalogs/graph?format=json')
  }

  /** The keys that all services together read most. */
  hotKeys(top = 20): Promise<RankedKeys> {
    return this.#json(rankedKeys, `/hot-keys?${query({ top: String(top) })}`)
  }

  /**
   * Fences as they happen, all or those that concern a key, a wildcard or a template, until `signal`. `onStart` is called once
   * nothing more is missed.
   *
   * @example for await (const { tag, rules } of client.watch({ tag: 'member:{id}:balance' })) console.log(tag, rules)
   */
  async *watch(
    options: { readonly tag?: string; readonly signal?: AbortSignal; readonly onStart?: () => void } = {},
  ): AsyncGenerator<WatchedFence> {
    const { tag, signal, onStart } = options
    const { body } = await this.#fetch(`/watch?${query({ tag })}`, signal ? { signal } : {})
    if (!body) return
    for await (const { event, data } of serverSentEvents(body)) {
      if (event === 'watching') onStart?.()
      if (event === 'fence') yield seenFence.parse(JSON.parse(data))
    }
  }

  async #json<T>(schema: z.ZodType<T>, path: string, request: RequestInit = {}): Promise<T> {
    return schema.parse(await (await this.#fetch(path, request)).json())
  }

  async #fetch(path: string, request: RequestInit): Promise<Response> {
    const { url, token } = this.options
    const headers = new Headers(request.headers)
    if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
    const response = await fetch(new URL(path, url), { ...request, headers })
    if (response.ok) return response
    const problem = (await response.json().catch(() => ({}))) as ExplainApiError['problem']
    throw new ExplainApiError(response.status, problem)
  }
}

const query = (parameters: Readonly<Record<string, string | undefined>>): string =>
  new URLSearchParams(
    Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined),
  ).toString()

/** The API sends a line of data an event, and comments in between. */
async function* serverSentEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<{ event: string; data: string }> {
  let text = ''
  for await (const part of body.pipeThrough(new TextDecoderStream())) {
    text += part
    const events = text.split('\n\n')
    text = events.pop() ?? ''
    for (const lines of events) {
      const fields = new Map(lines.split('\n').map((line) => fieldOf(line)))
      const data = fields.get('data')
      if (data !== undefined) yield { event: fields.get('event') ?? 'message', data }
    }
  }
}

function fieldOf(line: string): readonly [name: string, value: string] {
  const end = line.indexOf(': ')
  return end === -1 ? [line, ''] : [line.slice(0, end), line.slice(end + 2)]
}
