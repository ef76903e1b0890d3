import type { AuditedLayer } from '@freshet/auditor'
import { encode, type Cache } from '@freshet/cache'
import { keysInL1, readHeld, type Api } from '@freshet/demo'

/** The memory of an API instance, over its demo endpoints. */
export const apiMemory = ({ url }: Api, cache: Cache): AuditedLayer => ({
  name: 'l1 of the API',
  async *keys() {
    for (const { template, parameters } of await keysInL1(url))
      yield cache.key(template, parameters as Parameters<Cache['key']>[1])
  },
  read: async ({ template, parameters }) => {
    const named = { template, parameters } as Parameters<typeof readHeld>[2][number]
    const [held] = await readHeld(url, 'l1', [named])
    return held ? { encoded: encode(held.value).toString(), loadedAtMs: held.loadedAtMs } : undefined
  },
})
