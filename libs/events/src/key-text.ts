import { canonicalParameter } from '@freshet/cache-keys'
import type { Row } from './values.js'

/** An entity's key as one text: its parts in order, escaped, joined by `:` (DESIGN 5). */
export const entityKeyText = (key: Row): string =>
  Object.values(key)
    .map((part) => (part === null ? '' : canonicalParameter(part)))
    .join(':')
