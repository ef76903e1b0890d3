import type { JobEnded } from '../queue/refill-outcomes.js'
import type { AskedJob } from '../queue/refill-queue.js'

/** A job that has been asked for, and whose end is not known yet. */
interface Open {
  readonly template: string
  /** How many keys of the run it stands for: a list may name one twice. */
  readonly times: number
  /** False: the key had been asked for by someone else. */
  readonly isNew: boolean
}

/** An end of a job of the run. */
export type RunEnded = Pick<Open, 'template' | 'times'> & Pick<JobEnded, 'reason'> & { readonly outcome: RunOutcome }

/** `unknown`: its end was told while nobody could hear it. */
export type RunOutcome = JobEnded['outcome'] | 'unknown'

/**
 * The jobs of a run whose end is awaited; their number is all that grows with it. Ends are told from the moment that a job is
 * asked for, which may be before its id is known here.
 */
export class Outstanding {
  private readonly open = new Map<string, Open>()
  private early: Map<string, JobEnded> | undefined
  private wake: () => void = () => undefined

  constructor(private readonly onEnded: (ended: RunEnded) => void) {}

  get size(): number {
    return this.open.size
  }

  get ids(): readonly string[] {
    return [...this.open.keys()]
  }

  /** Those that only this run has asked for. */
  get own(): readonly string[] {
    return [...this.open].flatMap(([id, { isNew }]) => (isNew ? [id] : []))
  }

  /** One call at a time. `templates`: of what `ask` asks for, in its order. */
  async add(templates: readonly string[], ask: () => Promise<readonly AskedJob[]>): Promise<void> {
    this.early = new Map()
    try {
      for (const [at, { id, isNew }] of (await ask()).entries()) {
        const before = this.open.get(id)
        this.open.set(id, { template: templates[at] ?? '', times: (before?.times ?? 0) + 1, isNew })
      }
      for (const ended of this.early.values()) this.ended(ended)
    } finally {
      this.early = undefined
    }
  }

  ended({ id, outcome, reason }: Omit<JobEnded, 'outcome'> & { readonly outcome: RunOutcome }): void {
    const open = this.open.get(id)
    if (!open) {
      if (outcome !== 'unknown') this.early?.set(id, { id, outcome, ...(reason !== undefined && { reason }) })
      return
    }
    this.open.delete(id)
    const { template, times } = open
    this.onEnded({ template, times, outcome, ...(reason !== undefined && { reason }) })
    this.wake()
  }

  /** Resolves with the next end, or when `stir` is called, or after so long. For one who waits at a time. */
  next(withinMs: number): Promise<'heard' | 'silence'> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve('silence'), withinMs)
      this.wake = () => {
        clearTimeout(timer)
        resolve('heard')
      }
    })
  }

  /** Has whoever waits look again. */
  stir(): void {
    this.wake()
  }
}
