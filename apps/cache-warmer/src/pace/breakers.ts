import { admit, afterLoad, closed, type Breaker, type Sign } from './breaker.js'

/** One breaker a template. */
export class Breakers {
  private readonly byTemplate = new Map<string, Breaker>()

  constructor(private readonly onChange: (template: string, at: Breaker['at']) => void = () => undefined) {}

  /** 0 where a load may begin; its end is then to be told to `ended`. */
  admit(template: string, nowMs: number): number {
    const { waitMs, breaker } = admit(this.of(template), nowMs)
    this.set(template, breaker)
    return waitMs
  }

  ended(template: string, sign: Sign, nowMs: number): void {
    this.set(template, afterLoad(this.of(template), sign, nowMs))
  }

  private of(template: string): Breaker {
    return this.byTemplate.get(template) ?? closed
  }

  private set(template: string, breaker: Breaker): void {
    const before = this.of(template)
    this.byTemplate.set(template, breaker)
    if (before.at !== breaker.at) this.onChange(template, breaker.at)
  }
}
