import { setTimeout as delay } from 'node:timers/promises'
import {
  checkLayer,
  keysInL1,
  readSteadily,
  writeSteadily,
  type LayerVerdict,
  type NamedKey,
  type System,
  type WriteWorld,
} from '@freshet/demo'
import pg from 'pg'

const revenueFrom = ['2025-01-01', '2025-02-01', '2025-03-01']
const pages = (most: number, rest: object = {}) =>
  Array.from({ length: most }, (_, at) => ({ ...rest, page: 1 + at, limit: 20 }))
const upTo = (most: number) => Array.from({ length: most }, (_, at) => 1 + at)

/** Every key that `readSteadily` may read. */
export const keysOf = ({ members, organizations }: WriteWorld): readonly NamedKey[] => [
  ...upTo(members).flatMap((id): NamedKey[] => [
    { template: 'profile', parameters: { id } },
    { template: 'balance', parameters: { id } },
    ...pages(2).map((query) => ({ template: 'transactions', parameters: { id, query } }) as const),
  ]),
  ...upTo(organizations).flatMap((organizationId) =>
    pages(2).map((query) => ({ template: 'ofOrg', parameters: { organizationId, query } }) as const),
  ),
  ...pages(3).map((query) => ({ template: 'list', parameters: { query } }) as const),
  ...revenueFrom.map(
    (from) => ({ template: 'revenue', parameters: { query: { from, to: '2026-01-01', groupBy: 'month' } } }) as const,
  ),
]

/**
 * Reads and writes for so long while something happens in the middle. A database that is away refuses writes meanwhile;
 * they go on when it is back. Resolves once both have ended, with the number of commits.
 */
export async function underTraffic(
  { stack, apis }: System,
  world: WriteWorld,
  happens: () => Promise<void>,
  { durationMs = 3_000, seed = 1, postgresUrl = stack.postgresUrl } = {},
): Promise<number> {
  const end = performance.now() + durationMs
  let happened = false
  let commits = 0
  const write = async (): Promise<void> => {
    for (let turn = 0; !happened || performance.now() < end; turn++) {
      const load = { postgresUrl, world, perSecond: 150, durationMs: 500, seed: seed + turn }
      commits += await writeSteadily(load).then(
        (written) => written.commits,
        () => 0, // the connections are gone
      )
    }
  }
  const read = async (): Promise<void> => {
    const urls = apis.map(({ url }) => url)
    for (let turn = 0; !happened || performance.now() < end; turn++)
      await readSteadily({ urls, world, perSecond: 400, durationMs: 500, seed: seed + turn })
  }
  const disturb = async (): Promise<void> => {
    await delay(durationMs / 4)
    await happens().finally(() => (happened = true))
  }
  await Promise.all([write(), read(), disturb()])
  return commits
}

/** Compares every layer with fresh loads: the given keys, and what the memories hold besides. */
export async function checkEverything(
  { apis }: System,
  keys: readonly NamedKey[],
  pool: pg.Pool,
): Promise<readonly LayerVerdict[]> {
  const inMemory = await Promise.all(apis.map(({ url }) => keysInL1(url)))
  const every = [...new Map([...keys, ...inMemory.flat()].map((key) => [JSON.stringify(key), key])).values()]
  const verdicts = [await checkLayer(apis[0]?.url ?? '', 'l2', every, 0, pool)]
  for (const { url } of apis) verdicts.push(await checkLayer(url, 'l1', every, 0, pool))
  return verdicts
}
