import type { Pool } from 'pg'

/** A connection of each pool at once: as long a wait as the longest. Rejects, holding none, when one cannot be had. */
export const everyPool = (pools: readonly Pick<Pool, 'connect'>[]): { connect(): Promise<{ release(): void }> } => ({
  connect: async () => {
    const asked = await Promise.allSettled(pools.map((pool) => pool.connect()))
    const release = (): void => {
      for (const one of asked) if (one.status === 'fulfilled') one.value.release()
    }
    const failed = asked.find((one) => one.status === 'rejected')
    if (!failed) return { release }
    release()
    throw failed.reason
  },
})
