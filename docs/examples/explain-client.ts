import { ExplainClient } from '@freshet/explain/client'

const client = new ExplainClient({ url: 'http://127.0.0.1:3002' }) // and `token`, where the service has one

/** What fenced a key last, and how long after the commit all processes were told; undefined: nothing in the last hour. */
export async function lastFence(key: string) {
  const [explained] = await client.explainKey(key)
  const { change, hops } = explained?.history.lastFence ?? {}
  if (!change || !hops?.committed) return undefined
  return { row: change.row, rules: change.rules, tookMs: Date.parse(hops.published) - Date.parse(hops.committed) }
}

/** Prints fences as they happen, until the signal. */
export async function follow(tag: string, signal: AbortSignal): Promise<void> {
  for await (const { rules, commitToFenceMs } of client.watch({ tag, signal }))
    process.stdout.write(`${tag}: ${rules.map(({ name }) => name).join()} after ${commitToFenceMs} ms\n`)
}
