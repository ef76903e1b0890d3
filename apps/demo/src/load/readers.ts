import type { TemplateName } from '@freshet/members-catalog'
import { Agent, request } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { seededRandom, type Random } from './random.js'
import type { WriteWorld } from './writes.js'

export interface ReadLoad {
  readonly urls: readonly string[]
  readonly world: WriteWorld
  /** Over all instances. */
  readonly perSecond: number
  readonly durationMs: number
  readonly seed: number
  /** Connections to each instance. */
  readonly connections?: number
}

export interface ReadOutcome {
  readonly reads: number
  readonly readsByTemplate: Readonly<Record<TemplateName, number>>
  /** Answers other than 200 and 404, by status or error code. */
  readonly failed: Readonly<Record<string, number>>
}

type Path = (random: Random, world: WriteWorld) => string

const someone = (random: Random, world: WriteWorld): number => 1 + random.skewed(world.members)

/** What visitors look at, with how often; each template gets its share of at least a twentieth. */
const paths: readonly (readonly [weight: number, template: TemplateName, path: Path])[] = [
  [30, 'profile', (random, world) => `/members/${someone(random, world)}`],
  [25, 'balance', (random, world) => `/members/${someone(random, world)}/balance`],
  [
    18,
    'transactions',
    (random, world) => `/members/${someone(random, world)}/transactions?page=${1 + random.below(2)}`,
  ],
  [
    14,
    'ofOrg',
    (random, world) => `/organizations/${1 + random.below(world.organizations)}/members?page=${1 + random.below(2)}`,
  ],
  [7, 'list', (random) => `/members?page=${1 + random.below(3)}`],
  [6, 'revenue', (random) => `/reports/revenue?from=2025-0${1 + random.below(3)}-01&to=2026-01-01`],
]

/** The templates that readers look at: of others the check would find nothing. */
export const templatesRead: readonly TemplateName[] = paths.map(([, template]) => template)

/** Reads over HTTP at a steady pace, popular members far more often than others. */
export async function readSteadily(load: ReadLoad): Promise<ReadOutcome> {
  const { connections = 4 } = load
  const readsByTemplate = Object.fromEntries(paths.map(([, template]) => [template, 0])) as Record<TemplateName, number>
  const failed: Record<string, number> = {}
  const workers = load.urls.length * connections
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const readAsOne = async (worker: number): Promise<void> => {
    const random = seededRandom(load.seed * 1_000 + worker)
    const url = load.urls[worker % load.urls.length] ?? ''
    const everyMs = (1_000 * workers) / load.perSecond
    const startedAt = performance.now() + (worker * everyMs) / workers
    for (let turn = 0; turn * everyMs < load.durationMs; turn++) {
      const aheadMs = startedAt + turn * everyMs - performance.now()
      if (aheadMs > 0) await delay(aheadMs)
      const [template, path] = random.weighted(
        paths.map(([weight, name, pathOf]) => [weight, [name, pathOf] as const] as const),
      )
      const outcome = await get(agent, url + path(random, load.world))
      readsByTemplate[template] += 1
      if (outcome !== '200' && outcome !== '404') failed[outcome] = (failed[outcome] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: workers }, (_, worker) => readAsOne(worker)))
  agent.destroy()
  return { reads: Object.values(readsByTemplate).reduce((sum, count) => sum + count, 0), readsByTemplate, failed }
}

/** The status, or the error's code. */
function get(agent: Agent, url: string): Promise<string> {
  return new Promise((resolve) => {
    const asked = request(url, { agent }, (response) => {
      response.resume()
      response.on('end', () => resolve(String(response.statusCode)))
    })
    asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    asked.end()
  })
}
