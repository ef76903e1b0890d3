/** Longer than kafkajs takes from a fetch to the heartbeat by which it would notice by itself. */
const goesOnForMs = 3_000

/**
 * Tells when kafkajs reads on without having joined its group.
 *
 *   joined --the group is shared out anew--> joining --GROUP_JOIN--> joined
 *                                               +--fetches, and still does so 3 s later--> astray
 *
 * Where the answer to its SyncGroup is lost, kafkajs takes the failed join for a failed fetch, and fetches again: under its
 * old assignment, but with the new generation, so that no heartbeat is refused and it never joins again. What it was
 * assigned anew nobody reads.
 */
export class JoinWatch {
  #state: { readonly at: 'joined' } | { readonly at: 'joining'; readonly fetchedAtMs?: number } = { at: 'joined' }

  /** The group is shared out anew, or a join was answered. */
  joining(): void {
    this.#state = { at: 'joining' }
  }

  joined(): void {
    this.#state = { at: 'joined' }
  }

  fetched(nowMs: number): void {
    if (this.#state.at === 'joining') this.#state = { fetchedAtMs: nowMs, ...this.#state }
  }

  isAstray(nowMs: number): boolean {
    const state = this.#state
    return state.at === 'joining' && state.fetchedAtMs !== undefined && nowMs - state.fetchedAtMs > goesOnForMs
  }
}
