/** Where a Cluster is found, and how its nodes are reached. */
export interface ClusterAddress {
  /** `host:port` of some of its nodes. */
  readonly nodes: readonly string[]
  /** The URL of one node, with user, password and TLS as given for all. */
  urlOf(node: string): string
}

const cluster = /^(rediss?)\+cluster:\/\/(?:([^@/]*)@)?([^@/?#]+)\/?$/

/**
 * Reads `redis+cluster://[user:password@]host:port,host:port`, `rediss+cluster://` for TLS; undefined for the URL of a single
 * server. Throws RangeError for one of a Cluster that cannot be.
 */
export function clusterAddress(url: string): ClusterAddress | undefined {
  if (!/^rediss?\+cluster:/.test(url)) return undefined
  const [, scheme, credentials, list = ''] = cluster.exec(url) ?? []
  const nodes = list.split(',')
  if (scheme === undefined || !nodes.every((node) => /^(\[[\da-fA-F:]+\]|[^\s:[\]]+):\d{1,5}$/.test(node)))
    throw new RangeError(
      `"${withoutPassword(url)}" is not the address of a Redis Cluster; write redis+cluster://host:port,host:port, ` +
        'rediss+cluster:// for TLS, user:password@ before the first host, and no database number',
    )
  return { nodes, urlOf: (node) => `${scheme}://${credentials === undefined ? '' : `${credentials}@`}${node}` }
}

const withoutPassword = (url: string): string => url.replace(/:[^:@/]*@/, ':***@')
