import { bindKey, keyTag, templateTag, type Tag } from '@freshet/cache-keys'
import { templateOf, type BoundWildcard, type Catalog, type DeclaredKey, type TypedKey } from '@freshet/catalog'
import { bindDeclared, type KindsOfTemplates } from './address.js'
import { KeyNotExactError } from './errors.js'

/** What can be invalidated by hand: one key, a wildcard with values bound, or all keys of a template (`keys.balance`). */
export type InvalidationTarget = TypedKey | BoundWildcard | DeclaredKey

/**
 * The tag whose rotation makes the target's values unservable.
 *
 * Throws KeyWithoutCatalogError, KeyNotExactError, WildcardUndeclaredError, and UnencodableParameterError.
 */
export function tagByHand(catalog: Catalog, target: InvalidationTarget, kinds: KindsOfTemplates): Tag {
  if ('wildcard' in target) return bindDeclared(catalog, target, kinds).bound
  if (!('definition' in target)) {
    const typed = { definition: target, template: target.name, parameters: {} }
    return templateTag(templateOf(catalog, typed).template)
  }
  const { name, template, exact } = templateOf(catalog, target)
  if (!exact) throw new KeyNotExactError(name)
  return keyTag(bindKey(template, target.parameters, kinds[name]))
}
