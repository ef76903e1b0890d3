/** The steps at which a command can be stopped on its way to Redis, or the snapshot on its way to the primary. */
export type Step = 'read' | 'generations' | 'windows' | 'capture' | 'store' | 'look' | 'snapshot'

/** A command that was stopped before it was sent. */
export interface Paused {
  /** Resolves once some command stands there. */
  readonly reached: Promise<void>
  resume(): void
}

/** Stops commands where a test says so; all others pass. */
export class Pauses {
  readonly #before = new Map<Step, { reach: () => void; gate: Promise<void> }>()
  readonly #after = new Map<Step, { reach: () => void; gate: Promise<void> }>()
  /** How often each step was passed. */
  readonly passed = new Map<Step, number>()

  before(step: Step): Paused {
    return this.#stop(this.#before, step)
  }

  /** Redis has done it, but the answer does not come. */
  after(step: Step): Paused {
    return this.#stop(this.#after, step)
  }

  async around<T>(step: Step, command: () => Promise<T>): Promise<T> {
    await this.#pass(this.#before, step)
    const answer = await command()
    this.passed.set(step, (this.passed.get(step) ?? 0) + 1)
    await this.#pass(this.#after, step)
    return answer
  }

  #stop(stops: Map<Step, { reach: () => void; gate: Promise<void> }>, step: Step): Paused {
    const reached = Promise.withResolvers<void>()
    const gate = Promise.withResolvers<void>()
    stops.set(step, { reach: reached.resolve, gate: gate.promise })
    return { reached: reached.promise, resume: gate.resolve }
  }

  async #pass(stops: Map<Step, { reach: () => void; gate: Promise<void> }>, step: Step): Promise<void> {
    const stop = stops.get(step)
    if (stop === undefined) return
    stops.delete(step)
    stop.reach()
    await stop.gate
  }
}
