/**
 * What was fenced lately, in the order heard: says of a value that was begun at some mark whether a fence of one of its
 * tags has passed meanwhile. Bounded: what it has forgotten counts as fenced.
 */
export class FenceLog {
  #mark = 0
  #forgottenUpTo = 0
  /** Tag -> mark of its last fence; a Map keeps the order of insertion, so that the first is the oldest. */
  readonly #last = new Map<string, number>()

  constructor(private readonly limit = 20_000) {}

  /** To be taken before a load or a read of L2, and compared before insertion. */
  mark(): number {
    return this.#mark
  }

  note(tag: string): void {
    this.#mark++
    this.#last.delete(tag)
    this.#last.set(tag, this.#mark)
    if (this.#last.size <= this.limit) return
    for (const [oldest, mark] of this.#last) {
      this.#last.delete(oldest)
      this.#forgottenUpTo = mark
      return
    }
  }

  /** Fences may have been missed: everything that was begun before now counts as fenced. */
  forget(): void {
    this.#mark++
    this.#forgottenUpTo = this.#mark
    this.#last.clear()
  }

  fencedSince(mark: number, tags: Iterable<string>): boolean {
    if (mark < this.#forgottenUpTo) return true
    for (const tag of tags) if ((this.#last.get(tag) ?? 0) > mark) return true
    return false
  }
}
