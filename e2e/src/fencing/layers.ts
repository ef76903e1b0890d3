import type { Api, NamedKey } from '@freshet/demo'
import { eventually } from '@freshet/testing/live'

/** A value of the members API: its key, and the path that reads it. */
export interface Place {
  readonly key: NamedKey
  readonly path: string
}

/** Reads every place over HTTP until each instance has all of them in its memory, and so Redis too. */
export async function fillEverywhere(apis: readonly Api[], places: readonly Place[]): Promise<void> {
  for (const { url } of apis) {
    await eventually(async () => {
      await Promise.all(places.map(({ path }) => readOver(url, path)))
      return namesMissing(url, 'l1', places)
    }, [])
    await eventually(() => namesMissing(url, 'l2', places), [])
  }
}

/** The names of the places that a layer would not serve now. */
export async function namesMissing(api: string, layer: 'l1' | 'l2', places: readonly Place[]): Promise<string[]> {
  const response = await fetch(`${api}/demo/cached`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ layer, keys: places.map(({ key }) => key) }),
  })
  if (!response.ok) throw new Error(`/demo/cached answered ${response.status}: ${await response.text()}`)
  const { values } = (await response.json()) as { values: readonly unknown[] }
  return namesOf(places.filter((_, at) => values[at] === null))
}

export const namesOf = (places: readonly Place[]): string[] => places.map(({ path }) => path).sort()

async function readOver(url: string, path: string): Promise<void> {
  const response = await fetch(url + path)
  await response.arrayBuffer()
  if (response.status !== 200 && response.status !== 404) throw new Error(`${path} answered ${response.status}`)
}
