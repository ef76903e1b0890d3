import type { Catalog } from '@freshet/catalog'
import type { ListedTemplate } from './key-source.js'

/** A template, and the catalog that declares it. */
export interface ChosenTemplate extends ListedTemplate {
  readonly catalog: Catalog
}

/** No catalog, or more than one, has the template that was named. */
export class TemplateNotFoundError extends Error {
  readonly code = 'TEMPLATE_NOT_FOUND'

  constructor(
    readonly wanted: string,
    readonly templates: readonly ListedTemplate[],
    readonly isAmbiguous: boolean,
  ) {
    const names = templates.map(({ owner, name }) => `${owner}/${name}`)
    super(
      isAmbiguous
        ? `"${wanted}" is a template of several services; name one of ${names.join(', ')}`
        : `No catalog has a template "${wanted}"; there ${names.length === 0 ? 'is none' : `are ${names.join(', ')}`}`,
    )
    this.name = 'TemplateNotFoundError'
  }
}

/** Every template once; of versions that overlap the later one counts. */
export function templatesIn(catalogs: readonly Catalog[]): readonly ChosenTemplate[] {
  const templates = new Map<string, ChosenTemplate>()
  for (const catalog of catalogs)
    for (const { owner, name, template } of catalog.templates.values())
      templates.set(`${owner}/${name}`, { owner, name, template, catalog })
  return [...templates.values()]
}

/** By its name, by its owner's and its name, or by its text. Throws TemplateNotFoundError. */
export function templateNamed(templates: readonly ChosenTemplate[], wanted: string): ChosenTemplate {
  const found = templates.filter(
    ({ owner, name, template }) => name === wanted || `${owner}/${name}` === wanted || template.text === wanted,
  )
  const [one] = found
  if (one === undefined) throw new TemplateNotFoundError(wanted, templates, false)
  if (found.length > 1) throw new TemplateNotFoundError(wanted, found, true)
  return one
}
