import { patternOf } from '@freshet/cache-keys'
import { validateCatalog, type CompiledTemplate } from '@freshet/catalog'
import type { CatalogDocument } from '@freshet/events'
import type { RankedKey } from '@freshet/hot-keys'
import type { KnownCatalog } from './registered.js'

/** There is nothing to retire by that name. */
export class CatalogNotRegisteredError extends Error {
  readonly code = 'CATALOG_NOT_REGISTERED'

  constructor(
    readonly wanted: string,
    readonly registered: readonly string[],
  ) {
    const others =
      registered.length === 0 ? 'no catalog is registered' : `registered are ${[...registered].sort().join(', ')}`
    super(`No catalog ${wanted} is registered; ${others}`)
    this.name = 'CatalogNotRegisteredError'
  }
}

/** What a retirement means. */
export interface Retirement {
  readonly catalogs: readonly Registered[]
  /** Templates that no other accepted catalog of the owner declares: nothing fences or stores their values any more. */
  readonly ungoverned: readonly UngovernedTemplate[]
}

export interface UngovernedTemplate {
  readonly owner: string
  readonly name: string
  readonly text: string
  /** Of the fleet's hot keys. */
  readonly hotKeys: number
}

type Registered = KnownCatalog & { readonly document: CatalogDocument }

/**
 * What ends with `OWNER@VERSION`, or with all versions of `OWNER`. Clients report what they read by owner and template:
 * which version they run cannot be known.
 *
 * Throws CatalogNotRegisteredError.
 */
export function retirementOf(
  wanted: string,
  known: readonly KnownCatalog[],
  topKeys: readonly Pick<RankedKey, 'owner' | 'template' | 'hot'>[],
): Retirement {
  const registered = known.filter((each): each is Registered => each.document !== undefined)
  const names = ({ owner, version }: KnownCatalog): boolean => wanted === owner || wanted === `${owner}@${version}`
  const catalogs = registered.filter(names)
  if (catalogs.length === 0)
    throw new CatalogNotRegisteredError(
      wanted,
      registered.map(({ owner, version }) => `${owner}@${version}`),
    )
  const staying = registered.filter((each) => !names(each) && each.status?.state === 'accepted')
  const kept = new Set(staying.flatMap(templatesOf).map(patternOfTemplate))
  const ungoverned = new Map(
    catalogs.flatMap((each) =>
      templatesOf(each)
        .filter((template) => !kept.has(patternOfTemplate(template)))
        .map((template) => [patternOfTemplate(template), ungovernedTemplate(each.owner, template, topKeys)] as const),
    ),
  )
  return { catalogs, ungoverned: [...ungoverned.values()] }
}

/** The retirement in words, for whoever has to say yes. */
export function retirementLines({ catalogs, ungoverned }: Retirement): readonly string[] {
  const names = catalogs.map(({ owner, version }) => `${owner}@${version}`).join(', ')
  if (ungoverned.length === 0)
    return [`Retires ${names}. Every template is declared by another accepted catalog of the owner.`]
  const hot = ungoverned.filter(({ hotKeys }) => hotKeys > 0)
  return [
    `Retires ${names}. Then no catalog governs:`,
    ...ungoverned.map(({ text, hotKeys }) => `  ${text}${hotKeys === 0 ? '' : `  ${hotKeys} hot`}`),
    'Their values are fenced; clients that still run with the catalog read from the source, and store nothing.',
    ...(hot.length === 0
      ? []
      : ['Clients read some of these keys right now. They report the owner of a catalog, not its version.']),
  ]
}

function ungovernedTemplate(
  owner: string,
  { name, template }: CompiledTemplate,
  topKeys: readonly Pick<RankedKey, 'owner' | 'template' | 'hot'>[],
): UngovernedTemplate {
  const hotKeys = topKeys.filter((key) => key.hot && key.owner === owner && key.template === name).length
  return { owner, name, text: template.text, hotKeys }
}

/** None of one that was never valid: nothing was stored under it. */
const templatesOf = ({ document }: Registered): readonly CompiledTemplate[] => [
  ...(validateCatalog(document).catalog?.templates.values() ?? []),
]

const patternOfTemplate = ({ template }: CompiledTemplate): string => patternOf(template.segments)
