/** Something about a Redis server that harms Freshet, and what to do about it. */
export interface Finding {
  readonly severity: 'fault' | 'warning'
  readonly code: 'version' | 'eviction' | 'replica' | 'cluster'
  readonly message: string
}
