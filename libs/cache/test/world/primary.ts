import type { AppliedWatermark, Snapshot } from '@freshet/coherence'
import { lsn, xid, type Lsn, type Xid } from '@freshet/pgoutput'

/** A transaction that has written, and may already be in the WAL, but is not yet visible to readers. */
export interface OpenTransaction {
  readonly xid: Xid
  readonly lsn: Lsn
  /** Readers see it from here on. */
  show(): void
}

/** A primary in memory: rows, and transactions that can be in the WAL before any reader sees them. */
export class Primary {
  readonly rows = new Map<string, unknown>()
  readonly #running = new Set<Xid>()
  #next = 100n
  #position = 1_000n
  history = { systemId: '7', timeline: 1 }

  begin(row: string, value: unknown): OpenTransaction {
    const id = xid(this.#next++)
    const at = lsn((this.#position += 10n))
    this.#running.add(id)
    const show = (): void => {
      if (this.#running.delete(id)) this.rows.set(row, value)
    }
    return { xid: id, lsn: at, show }
  }

  commit(row: string, value: unknown): OpenTransaction {
    const transaction = this.begin(row, value)
    transaction.show()
    return transaction
  }

  snapshot(): Snapshot {
    const running = [...this.#running].sort((left, right) => (left < right ? -1 : 1))
    return { xmin: running[0] ?? xid(this.#next), xmax: xid(this.#next), running }
  }

  /** As `takeFloor` does. */
  floor(): { floor: Xid; pruned: Lsn } {
    return { floor: xid(this.#next++), pruned: lsn(this.#position) }
  }

  watermark(): AppliedWatermark {
    return { lsn: lsn(this.#position), snapshot: this.snapshot(), databaseTimeMs: Date.now(), ...this.history }
  }
}
