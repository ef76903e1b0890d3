/** Something about a Redis server that harms Freshet, and what to do about it. */
export interface Finding {
  readonly severity: 'fault' | 'warning'
  readonly code: 'version' | 'eviction' | 'replica' | 'cluster' | 'wait'
  readonly message: string
}

/** What a server is to be. */
export interface Wanted {
  /** Was it addressed as a node of a Cluster? */
  readonly isCluster: boolean
  /** How many replicas each fence waits for. */
  readonly replicas: number
}

/** Judges a server by its answer to `INFO`. */
export function judgeServer(info: string, wanted: Wanted = { isCluster: false, replicas: 0 }): readonly Finding[] {
  const fields = new Map(info.split(/\r?\n/).map((line) => splitOnce(line)))
  const findings: Finding[] = []
  const version = fields.get('redis_version') ?? 'unknown'
  if (!isAtLeast(version, 6, 2))
    findings.push({
      severity: 'fault',
      code: 'version',
      message: `This Redis is version ${version}; Freshet needs 6.2 or newer. Upgrade the server.`,
    })
  if (fields.get('role') !== 'master')
    findings.push({
      severity: 'fault',
      code: 'replica',
      message: 'This Redis is a replica, which can be behind; give the address of its master (R2).',
    })
  if (fields.get('cluster_enabled') === '1' && !wanted.isCluster)
    findings.push({
      severity: 'fault',
      code: 'cluster',
      message: 'This Redis is a node of a Cluster; write its address as redis+cluster://host:port,host:port.',
    })
  const replicas = Number(fields.get('connected_slaves') ?? 0)
  if (replicas < wanted.replicas)
    findings.push({
      severity: 'warning',
      code: 'wait',
      message:
        `This Redis has ${replicas} replicas and each fence waits for ${wanted.replicas}: nothing is fenced until there are ` +
        'as many. Add replicas, or lower FRESHET_REDIS_WAIT_REPLICAS.',
    })
  const eviction = fields.get('maxmemory_policy') ?? ''
  if (eviction.startsWith('allkeys-'))
    findings.push({
      severity: 'warning',
      code: 'eviction',
      message:
        `maxmemory-policy is ${eviction}: it may evict recent records and cursors, and each time Freshet fences what they ` +
        'covered. Nothing stale is served, but the hit rate suffers. Run: CONFIG SET maxmemory-policy volatile-lru',
    })
  return findings
}

function splitOnce(line: string): [string, string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon), line.slice(colon + 1)]
}

function isAtLeast(version: string, major: number, minor: number): boolean {
  const [hasMajor = 0, hasMinor = 0] = version.split('.').map(Number)
  return hasMajor > major || (hasMajor === major && hasMinor >= minor)
}
