import { Connection } from './connection.js'
import type { RedisOptions } from './port.js'
import type { Master, Nodes, Topology } from './topology.js'

/** One Redis that holds everything. */
export class SingleNode implements Nodes {
  private readonly connection: Connection
  private present: Topology

  constructor(options: RedisOptions) {
    this.connection = new Connection(options)
    this.present = this.look()
  }

  get topology(): Topology {
    if (this.present.masters[0]?.number !== this.connection.number) this.present = this.look()
    return this.present
  }

  get absence(): string | undefined {
    const health = this.connection.health()
    return health.state === 'connected' ? undefined : health.reason
  }

  onWhole(listener: () => void): () => void {
    return this.connection.onReady(listener)
  }

  failed(): void {
    // there is nowhere else to look
  }

  close(): void {
    this.connection.close()
  }

  private look(): Topology {
    const { connection } = this
    const { number } = connection
    const master: Master = {
      connection,
      number,
      get lineage() {
        return connection.lineageOf(number)
      },
      home: undefined,
    }
    return {
      masters: [master],
      isCluster: false,
      masterOf: () => master,
      masterOfKey: () => master,
      get redisId() {
        return master.lineage?.id
      },
    }
  }
}
