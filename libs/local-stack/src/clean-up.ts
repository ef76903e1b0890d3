/**
 * What has to be undone, in reverse order, each step even if another fails.
 * Steps that are added while it runs (a server that was still starting) are run as well.
 */
export class CleanUp {
  #steps: (() => Promise<void>)[] = []
  #running: Promise<void> | undefined

  add(step: () => Promise<void>): void {
    this.#steps.push(step)
  }

  /** Runs what was added since the last run; calls during a run share it. Throws AggregateError after all steps ran. */
  async run(): Promise<void> {
    this.#running ??= this.#runAll().finally(() => (this.#running = undefined))
    return this.#running
  }

  async #runAll(): Promise<void> {
    const errors: unknown[] = []
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      await step().catch((error: unknown) => errors.push(error))
    }
    if (errors.length > 0) throw new AggregateError(errors, 'The local stack could not be stopped entirely')
  }
}
