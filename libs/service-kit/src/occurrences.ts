/** A listener of one kind of occurrence. */
export type Listener<Facts> = (facts: Facts) => void

/**
 * What happens in a service, one typed record each: `emit` where it happens, and logs, metrics and traces listen.
 *
 * `Kinds` maps a name, `fence:applied`, to its facts.
 *
 * @example
 * const occurrences = new Occurrences<{ 'fence:applied': { tags: number } }>()
 * occurrences.on('fence:applied', ({ tags }) => fenced.inc(tags))
 * occurrences.emit('fence:applied', { tags: 3 })
 */
export class Occurrences<Kinds extends object> {
  readonly #listeners = new Map<keyof Kinds, Set<(facts: never) => void>>()
  readonly #observers = new Set<(name: keyof Kinds & string, facts: Kinds[keyof Kinds]) => void>()

  /** Tells all listeners, in the order of their coming. What a listener throws comes out here: listeners count and print. */
  emit<Name extends keyof Kinds & string>(name: Name, facts: Kinds[Name]): void {
    const listeners = this.#listeners.get(name) as Set<Listener<Kinds[Name]>> | undefined
    if (listeners) for (const listener of listeners) listener(facts)
    for (const observer of this.#observers) observer(name, facts)
  }

  /** Listens to one kind. Returns how to stop. */
  on<Name extends keyof Kinds & string>(name: Name, listener: Listener<Kinds[Name]>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners)
    listeners.add(listener)
    return () => listeners.delete(listener)
  }

  /** Listens to all kinds. Returns how to stop. */
  onAny(observer: (name: keyof Kinds & string, facts: Kinds[keyof Kinds]) => void): () => void {
    this.#observers.add(observer)
    return () => this.#observers.delete(observer)
  }
}
