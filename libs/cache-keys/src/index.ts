export { bindKey, type BoundKey, type BoundParameters, type ParameterKinds } from './key.js'
export { canonicalParameter, UnencodableParameterError, type ParameterKind, type Scalar } from './parameter.js'
export { parseKey } from './parse-key.js'
export { canonicalQuery, type Query, type QueryValue } from './query.js'
export { SHARDS, shardOf } from './shard.js'
export { bindWildcard, governingWildcardTag, isTemplateTag, keyTag, templateTag, type Tag } from './tag.js'
export {
  isParameter,
  parseTemplate,
  patternOf,
  QUERY,
  TemplateSyntaxError,
  type Segment,
  type Template,
} from './template.js'
export { parseWildcard, wildcardGoverns, type Wildcard } from './wildcard.js'
