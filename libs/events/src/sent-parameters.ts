import type { BoundParameters } from '@freshet/cache-keys'
import type { KeyParameter } from './records.js'

/** Parameters of a key as they travel: JSON has no bigint, so that an int8 is decimal text. */
export const parametersAsSent = (parameters: BoundParameters): Readonly<Record<string, KeyParameter>> =>
  JSON.parse(
    JSON.stringify(parameters, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
  ) as Record<string, KeyParameter>
