import type { z } from 'zod'

/** One environment variable, as data. */
export interface Variable<T> {
  /** `FRESHET_POSTGRES_URL` */
  readonly name: string
  /** What it is for, in a line or two. */
  readonly description: string
  /** A value as someone would write it; shown when it is missing, and in `.env.example`. */
  readonly example: string
  /** The text that stands for its absence. Without one the variable is required by the services that declare it. */
  readonly default?: string
  /** May be left out though it has no default; it then reads as undefined. */
  readonly optional?: true
  /** Reads the text. Its messages say what is wanted. */
  readonly parse: z.ZodType<T, string>
}

/** The values of a set of variables, by the names that the service gives them. */
export type Configuration<V extends Readonly<Record<string, Variable<unknown>>>> = {
  readonly [Name in keyof V]: V[Name] extends Variable<infer T> ? T : never
}

/** The same variable, for a service that can do without it. */
export const optional = <T>(variable: Variable<T>): Variable<T | undefined> => ({
  ...variable,
  optional: true,
  parse: variable.parse,
})

/** The same variable with another default, say a port of the service's own. */
export const withDefault = <T>(variable: Variable<T>, text: string): Variable<T> => ({ ...variable, default: text })
