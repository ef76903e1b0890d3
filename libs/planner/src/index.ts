export type { Change, ColumnValue, Commit, EmittedEvent, Row } from './change.js'
export { dependencyGraph, type DependencyGraph, type GraphEdge, type GraphNode } from './dependency-graph.js'
export { derivedTags, type DerivedTag } from './derived-tags.js'
export {
  describeKey,
  explainKey,
  type ComparedColumn,
  type FencedTag,
  type KeyDescription,
  type KeyExplanation,
  type RuleDescription,
  type RuleVerdict,
  type Way,
  type WhyNot,
} from './explain-key.js'
export { emptyPlan, mergePlans, type Cause, type Fence, type Plan, type Refresh } from './plan.js'
export { createPlanner, type Planner, type PlannerSize } from './planner.js'
export { tagRules, type TagRule, type TagRules } from './tag-rules.js'
