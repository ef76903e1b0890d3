/** Whether a part can do its work, and if not why. */
export type Readiness =
  { readonly ready: true; readonly reason?: string } | { readonly ready: false; readonly reason: string }

export type Probe = () => Readiness | Promise<Readiness>

/** What `/health/ready` answers. */
export interface HealthReport {
  readonly ready: boolean
  readonly checks: Readonly<Record<string, Readiness>>
}

/** A probe that takes longer counts as not ready: whoever asks has a time limit too. */
const patienceMs = 2_000

/**
 * What a service needs to be ready, by name. Parts register themselves.
 *
 * @example health.register('kafka', () => readinessOf(consumer.health()))
 */
export class HealthRegistry {
  readonly #probes = new Map<string, Probe>()
  #draining = false

  /** Returns how to take the probe back. */
  register(name: string, probe: Probe): () => void {
    this.#probes.set(name, probe)
    return () => this.#probes.delete(name)
  }

  /** From now on not ready: no new work is to be sent here. */
  drain(): void {
    this.#draining = true
  }

  async report(): Promise<HealthReport> {
    const checks = await Promise.all(
      [...this.#probes].map(async ([name, probe]) => [name, await answer(probe)] as const),
    )
    if (this.#draining) checks.push(['service', { ready: false, reason: 'is shutting down' }])
    return { ready: checks.every(([, { ready }]) => ready), checks: Object.fromEntries(checks) }
  }
}

async function answer(probe: Probe): Promise<Readiness> {
  let timer: NodeJS.Timeout | undefined
  const tooLate = new Promise<Readiness>((resolve) => {
    timer = setTimeout(resolve, patienceMs, { ready: false, reason: `did not answer within ${patienceMs} ms` })
  })
  try {
    return await Promise.race([(async () => probe())(), tooLate])
  } catch (error) {
    return { ready: false, reason: error instanceof Error ? error.message : String(error) }
  } finally {
    clearTimeout(timer)
  }
}
