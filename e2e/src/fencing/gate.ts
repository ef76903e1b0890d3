/**
 * Holds a loader at one place, for tests of what happens meanwhile.
 *
 * @example
 * const gate = new Gate()
 * const paused = cache.read(key, async () => gate.pass(await balanceOf(42)))
 * await gate.reached
 * // ...
 * gate.open()
 */
export class Gate {
  private readonly arrival = Promise.withResolvers<void>()
  private readonly opening = Promise.withResolvers<void>()

  /** Resolves once somebody waits at the gate. */
  get reached(): Promise<void> {
    return this.arrival.promise
  }

  open(): void {
    this.opening.resolve()
  }

  /** Hands the value on once the gate is open. */
  async pass<Value>(value: Value): Promise<Value> {
    this.arrival.resolve()
    await this.opening.promise
    return value
  }
}
