import { catalogJson } from '@freshet/catalog'
import { z } from 'zod'

/** What the HTTP API of the invalidation service answers. Members may be added; what is here stays. */

const list = <T extends z.ZodType>(of: T) => z.array(of).readonly()
const instant = z.iso.datetime()
const columnValue = z.union([z.string(), z.number(), z.boolean(), z.null()])
const shard = z.union([z.int(), z.literal('all')])
const occasion = catalogJson.shape.rules.element.shape.on
const row = z.record(z.string(), columnValue).readonly()

const ruleName = { owner: z.string(), version: z.string(), rule: z.int(), name: z.string().exactOptional() }
const way = z.object({ fences: z.string(), via: list(z.string()).exactOptional() })
const rule = z.object({ ...ruleName, source: z.string(), on: occasion, ways: list(way) })
const cause = z.object({ ...ruleName, widened: z.literal(true).exactOptional(), via: list(z.string()).exactOptional() })

const described = {
  owner: z.string(),
  version: z.string(),
  template: z.string(),
  templateText: z.string(),
  key: z.string(),
  shard: z.int(),
  fingerprint: z.string(),
  /** Each a text; of `query` its named values. */
  parameters: z.record(z.string(), z.unknown()).readonly(),
  tags: list(z.object({ text: z.string(), shard })),
  derivations: list(catalogJson.shape.derivations.unwrap().element),
}

const commit = z.object({ lsn: z.string(), xid: z.string(), at: instant })
const gap = z.string()
const causeOfFence = z.enum(['change', 'event', 'gap', 'hand'])

const filled = { ageMs: z.number(), ttlMs: z.number(), lease: z.literal(true).exactOptional() }
const cached = z.object({
  inForceSince: z.string().exactOptional(),
  value: z.discriminatedUnion('state', [
    z.object({ state: z.literal('absent') }),
    z.object({ state: z.literal('unreadable') }),
    z.object({ state: z.literal('fresh'), ...filled }),
    z.object({ state: z.literal('not fresh'), reason: z.string(), tag: z.string(), ...filled }),
  ]),
  tags: list(
    z.object({
      tag: z.string(),
      shard: z.int(),
      generation: z.string().exactOptional(),
      filledUnder: z.string().exactOptional(),
      further: z.literal(true).exactOptional(),
    }),
  ),
})

const fencingChange = z.object({
  topic: z.string(),
  partition: z.int(),
  offset: z.string(),
  type: z.string(),
  table: z.string().exactOptional(),
  operation: z.enum(['insert', 'update', 'delete', 'truncate']).exactOptional(),
  row: row.nullable(),
  commit: commit.extend({ index: z.int() }),
  rules: list(cause.extend({ event: z.string().exactOptional() })),
})

const history = z.object({
  knownSince: instant,
  lastFence: z
    .object({
      tag: z.string(),
      cause: causeOfFence,
      gap: gap.exactOptional(),
      batch: z.object({ topic: z.string(), partition: z.int(), from: z.string(), to: z.string() }).exactOptional(),
      change: fencingChange.exactOptional(),
      hops: z.object({
        committed: instant.exactOptional(),
        sent: instant.exactOptional(),
        read: instant.exactOptional(),
        fenced: instant,
        published: instant,
      }),
    })
    .exactOptional(),
  refresh: z.object({ askedAt: instant, notBefore: instant, deadline: instant, priority: z.number() }).exactOptional(),
})

const accesses = z.object({
  hot: z.boolean(),
  reads: z.number(),
  rank: z.int().exactOptional(),
  windowMs: z.number(),
})

/** Of GET /explain/keys: an explanation for each template that the text is a key of. */
export const explainedKeys = list(
  z.object({ ...described, rules: list(rule), cached, history, accesses }).meta({ id: 'ExplainedKey' }),
)

const compared = z.object({
  column: z.string(),
  wanted: columnValue,
  old: columnValue.exactOptional(),
  new: columnValue.exactOptional(),
})
const whyNot = z.discriminatedUnion('reason', [
  z.object({ reason: z.literal('other-source') }),
  z.object({ reason: z.literal('operation'), operation: z.string(), covered: list(z.string()) }),
  z.object({ reason: z.literal('unchanged'), columns: list(z.string()), changed: list(z.string()) }),
  z.object({ reason: z.literal('condition'), columns: list(compared) }),
  z.object({ reason: z.literal('not-become'), columns: list(compared) }),
  z.object({ reason: z.literal('bound-otherwise'), tags: list(z.string()) }),
])
const fencedTag = z.object({
  tag: z.string(),
  via: list(z.string()).exactOptional(),
  widened: z.literal(true).exactOptional(),
})
const verdict = z.union([z.object({ fences: list(fencedTag) }), z.object({ whyNot })])

/** Of POST /explain/changes: what they would fence, and with a key whether each fences it, and why not. */
export const explainedChanges = z
  .object({
    fences: list(z.object({ tag: z.string(), because: list(cause) })),
    evictions: list(z.string()),
    refreshes: list(z.object({ owner: z.string(), template: z.string(), key: z.string() })),
    key: list(
      list(z.object({ ...described, fenced: z.boolean(), rules: list(rule.extend({ verdict })) })),
    ).exactOptional(),
  })
  .meta({ id: 'ExplainedChanges' })

const fault = z.object({ code: z.string(), path: z.string(), message: z.string(), fix: z.string().exactOptional() })

/** Of GET /catalogs: all that plan here; `inForceSince`: clients may store under it. */
export const listedCatalogs = list(
  z
    .object({
      owner: z.string(),
      version: z.string(),
      fingerprint: z.string(),
      inForceSince: z.string().exactOptional(),
      faults: list(fault).exactOptional(),
    })
    .meta({ id: 'ListedCatalog' }),
)

/** Of GET /catalogs/graph?format=json. */
export const dependencyGraphJson = z
  .object({
    nodes: list(z.object({ id: z.string(), kind: z.enum(['table', 'event', 'template']), label: z.string() })),
    edges: list(
      z.object({ from: z.string(), to: z.string(), kind: z.enum(['rule', 'derivation']), label: z.string() }),
    ),
  })
  .meta({ id: 'DependencyGraph' })

/** Of GET /hot-keys: what is hot, and the keys that are read most. */
export const rankedKeys = z
  .object({
    among: z.int(),
    moreThan: z.int(),
    windowMs: z.number(),
    keys: list(
      z.object({
        key: z.string(),
        owner: z.string(),
        template: z.string(),
        count: z.number(),
        rank: z.int(),
        hot: z.boolean(),
      }),
    ),
  })
  .meta({ id: 'RankedKeys' })

/** Of GET /watch, event `fence`. */
export const seenFence = z
  .object({
    tag: z.string(),
    shard,
    cause: causeOfFence,
    gap: gap.exactOptional(),
    fencedAt: instant,
    commit: commit.exactOptional(),
    commitToFenceMs: z.number().exactOptional(),
    entity: z.string().exactOptional(),
    rules: list(z.object({ ...ruleName, source: z.string(), event: z.string().exactOptional() })),
  })
  .meta({ id: 'SeenFence' })

export type ExplainedKeys = z.infer<typeof explainedKeys>
export type ExplainedChanges = z.infer<typeof explainedChanges>
export type ListedCatalogs = z.infer<typeof listedCatalogs>
export type RankedKeys = z.infer<typeof rankedKeys>
export type WatchedFence = z.infer<typeof seenFence>
export type GraphJson = z.infer<typeof dependencyGraphJson>
