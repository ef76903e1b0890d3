import { z } from 'zod'

/** Readers of the texts that stand in variables. All refuse the empty text, which shells and compose files leave behind. */

const url = (protocols: readonly string[]) =>
  z.string().refine((text) => protocols.some((protocol) => text.startsWith(`${protocol}://`)) && URL.canParse(text), {
    error: `must be a URL that begins with ${protocols.map((protocol) => `${protocol}://`).join(' or ')}`,
  })

export const postgresUrl = url(['postgres', 'postgresql'])

/** `redis+cluster://[user:password@]host:port,host:port` is no URL to URL.canParse: it has several hosts. */
const redisCluster = /^rediss?\+cluster:\/\/(?:[^@/\s]*@)?[^@/,\s]+:\d{1,5}(?:,[^@/,\s]+:\d{1,5})*\/?$/

export const redisUrl = z
  .string()
  .refine((text) => redisCluster.test(text) || url(['redis', 'rediss']).safeParse(text).success, {
    error: 'must be a URL that begins with redis:// or rediss://, or of a Cluster: redis+cluster://host:port,host:port',
  })

/** `host:port,host:port` -> its parts */
export const hostList = z
  .string()
  .regex(/^[^\s,:]+:\d{1,5}(?:\s*,\s*[^\s,:]+:\d{1,5})*$/, 'must be host:port, several separated by commas')
  .transform((text): readonly string[] => text.split(',').map((part) => part.trim()))

export const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((number) => number >= min && number <= max, { error: `must be a whole number from ${min} to ${max}` })

export const text = (pattern: RegExp, wanted: string) => z.string().regex(pattern, `must be ${wanted}`)

export const oneOf = <const Words extends readonly [string, ...string[]]>(words: Words) =>
  z.enum(words, { error: `must be ${words.map((word) => `'${word}'`).join(' or ')}` })

/** Only these two words: any other text is a mistake, and `Boolean('false')` would be one too. */
export const yesOrNo = oneOf(['true', 'false']).transform((word) => word === 'true')

const milliseconds = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** `250ms`, `5s`, `10m`, `1h`, `7d` -> milliseconds */
export const duration = z
  .string()
  .regex(/^\d{1,9}(?:ms|s|m|h|d)$/, 'must be a duration with its unit, as 250ms, 5s, 10m, 1h or 7d')
  .transform((written) => Number.parseInt(written, 10) * milliseconds[unitOf(written, milliseconds)])

const sizes = { KB: 1_024, MB: 1_048_576, GB: 1_073_741_824 } as const

/** `512KB`, `64MB`, `1GB` -> bytes, in powers of 1,024 */
export const byteSize = z
  .string()
  .regex(/^\d{1,9}(?:KB|MB|GB)$/, 'must be a size with its unit, as 512KB, 64MB or 1GB')
  .transform((written) => Number.parseInt(written, 10) * sizes[unitOf(written, sizes)])

function unitOf<Units extends object>(written: string, units: Units): keyof Units {
  const unit = written.replace(/^\d+/, '')
  if (unit in units) return unit as keyof Units
  throw new RangeError(`${unit} is no unit; the pattern before should have refused it`)
}
