/** Too many ask for the same. */
export class ApiBusyError extends Error {
  readonly code = 'API_BUSY'

  constructor(what: string) {
    super(`${what}; ask again in a moment`)
    this.name = 'ApiBusyError'
  }
}

/** Runs works one after the other, so that questions take no more from fencing than one of them does. */
export class OneAtATime {
  private waiting = 0
  private last: Promise<unknown> = Promise.resolve()

  constructor(private readonly most: number) {}

  /** Throws ApiBusyError where so many wait already. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.waiting >= this.most) throw new ApiBusyError(`${this.waiting} others wait for an answer already`)
    this.waiting++
    const mine = this.last.then(work)
    this.last = mine.catch(() => undefined)
    try {
      return await mine
    } finally {
      this.waiting--
    }
  }
}
