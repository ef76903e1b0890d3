import { isParameter, type Segment, type Tag } from '@freshet/cache-keys'
import type { Catalog } from '@freshet/catalog'

/** Tags of one form: their segments, undefined where a parameter stands. */
interface Form {
  readonly literals: readonly (string | undefined)[]
  readonly isWildcard: boolean
  readonly windowMs: number
}

/**
 * The windows of templates with `staleIfError`: they open with every fence, hot or not, since nobody knows for which key the
 * source will fail. Pure: the same catalogs make the same windows.
 */
export class ErrorWindows {
  private readonly forms: readonly Form[]

  constructor(catalogs: Iterable<Catalog>) {
    this.forms = [...catalogs].flatMap(({ templates }) =>
      [...templates.values()].flatMap(({ template, wildcards, exact, staleIfErrorMs: windowMs }) => {
        if (windowMs === 0) return []
        const own = exact ? [{ literals: literalsOf(template.segments), isWildcard: false, windowMs }] : []
        return [
          ...own,
          ...wildcards.map(({ segments }) => ({ literals: literalsOf(segments), isWildcard: true, windowMs })),
        ]
      }),
    )
  }

  /** In milliseconds, of the templates that a key's or a wildcard's tag governs; of a template's tag none. */
  of({ text, shard }: Tag): readonly number[] {
    if (this.forms.length === 0 || shard === 'all') return []
    const isWildcard = text.endsWith(':*')
    const segments = (isWildcard ? text.slice(0, -2) : text).split(':') // what is escaped holds no ':' of its own
    return this.forms.flatMap((form) => (form.isWildcard === isWildcard && fits(form, segments) ? form.windowMs : []))
  }
}

const literalsOf = (segments: readonly Segment[]): (string | undefined)[] =>
  segments.map((segment) => (isParameter(segment) ? undefined : segment.literal))

const fits = ({ literals }: Form, segments: readonly string[]): boolean =>
  literals.length === segments.length &&
  literals.every((literal, place) => literal === undefined || literal === segments[place])
