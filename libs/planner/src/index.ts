export type { Change, ColumnValue, Commit, EmittedEvent, Row } from './change.js'
export { emptyPlan, mergePlans, type Cause, type Fence, type Plan, type Refresh } from './plan.js'
export { createPlanner, type Planner } from './planner.js'
