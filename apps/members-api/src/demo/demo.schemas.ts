import type { TypedKey } from '@freshet/catalog'
import { z } from 'zod'

const scalar = z.union([z.string(), z.number(), z.boolean()])
const inQuery = z.union([scalar, z.null()])

const namedKey = z.strictObject({
  template: z.string(),
  parameters: z.record(z.string(), z.union([scalar, z.record(z.string(), z.union([inQuery, z.array(inQuery)]))])),
})

export const cachedRequest = z.strictObject({ layer: z.enum(['l1', 'l2']), keys: z.array(namedKey).max(10_000) })

export type NamedKey = Pick<z.infer<typeof namedKey>, 'template'> & Pick<TypedKey, 'parameters'>
export type CachedRequest = z.infer<typeof cachedRequest>
