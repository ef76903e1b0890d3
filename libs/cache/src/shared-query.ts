/**
 * Shares a query's answers: one is under way at a time, and everyone who asked while it was gets the next one's, whose
 * query begins after they asked. So a burst of fills costs two round trips, not one connection each.
 */
export class SharedQuery<T> {
  #running: Promise<T> | undefined
  #next: Promise<T> | undefined

  constructor(private readonly query: () => Promise<T>) {}

  /** An answer to a query that began after this call. Rejects as the query does. */
  take(): Promise<T> {
    if (this.#running === undefined) return this.#run()
    this.#next ??= this.#running.then(
      () => this.#run(),
      () => this.#run(),
    )
    return this.#next
  }

  #run(): Promise<T> {
    this.#next = undefined
    const running = this.query().finally(() => {
      if (this.#running === running) this.#running = undefined
    })
    this.#running = running
    return running
  }
}
