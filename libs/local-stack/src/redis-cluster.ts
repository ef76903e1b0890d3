import { homedir } from 'node:os'
import { Redis } from 'ioredis'
import { CleanUp } from './clean-up.js'
import { redisCommand, startRedisOn } from './native/redis.js'
import { prepareStart } from './native/start.js'
import { onFreePorts } from './ports.js'
import type { Endpoint, Server } from './server.js'
import { stackSettings } from './settings.js'
import { untilPasses } from './waiting.js'

/** One server of a Cluster, whatever its part is at the moment. */
export interface RedisNode {
  /** `redis://host:port` */
  readonly url: string
  readonly server: Server
}

/** A master and its replica, as they began. */
export interface RedisPair {
  readonly master: RedisNode
  readonly replica: RedisNode
}

/** Three masters with a third of the slots each, and a replica of each. */
export interface RedisCluster {
  /** `redis+cluster://host:port,host:port,...` of all six. */
  readonly redisUrl: string
  readonly pairs: readonly RedisPair[]
  /** Who answers for this key now, as the first running node sees it. */
  masterOf(key: string): Promise<RedisNode>
  /**
   * Makes this replica the master. Unless told how it asks its master to wait for it, so that nothing is lost; `FORCE`
   * needs only the other masters' votes, `TAKEOVER` nobody's. Resolves once every running node knows.
   */
  failOver(replica: RedisNode, how?: 'FORCE' | 'TAKEOVER'): Promise<void>
  /**
   * Keeps this replica as it is from now on, with all that its master held when this was called: it hears nothing more, and
   * may take over all the same.
   */
  fallBehind(replica: RedisNode): Promise<void>
  /** Lets it hear again. */
  catchUp(replica: RedisNode): Promise<void>
  /** Moves the slot of this key, with all its keys, to another master. Resolves once every running node knows. */
  moveSlotOf(key: string, to: RedisNode): Promise<void>
  /** Resolves once every running node says that the cluster is whole, and each running replica follows its master. */
  settled(): Promise<void>
  stop(): Promise<void>
}

const patienceMs = 30_000
const masters = 3
const slots = 16_384

/**
 * Starts a Redis Cluster natively, on free ports, which writes nothing to disk. A silent master is replaced by its replica
 * after about `nodeTimeoutMs` (1,500) and an election.
 *
 * Throws StackStartError when a server does not come up, WaitTimeoutError when they do not find together.
 */
export async function startRedisCluster({ nodeTimeoutMs = 1_500 } = {}): Promise<RedisCluster> {
  const cleanUp = new CleanUp()
  try {
    const settings = stackSettings({ provider: 'native' }, process.env, homedir())
    const start = await prepareStart(settings, cleanUp, new AbortController().signal)
    const command = await redisCommand(start)
    const asNode = ['--cluster-enabled', 'yes', '--cluster-node-timeout', String(nodeTimeoutMs)]
    // A replica that was cut off for long may take over all the same: the tests want to see what an old copy does.
    const asReplica = ['--cluster-replica-validity-factor', '0', '--repl-diskless-sync', 'yes']
    const startNode = (): Promise<Endpoint> =>
      onFreePorts(1, (port) =>
        startRedisOn(start, command, port, [...asNode, ...asReplica, '--repl-diskless-sync-delay', '0']),
      )
    const endpoints = await Promise.all(Array.from({ length: 2 * masters }, startNode))
    const cluster = new NativeCluster(
      endpoints.map((endpoint) => new Node(endpoint)),
      cleanUp,
    )
    await cluster.join()
    return cluster
  } catch (error) {
    await cleanUp.run()
    throw error
  }
}

class NativeCluster implements RedisCluster {
  readonly redisUrl: string
  readonly pairs: readonly { readonly master: Node; readonly replica: Node }[]

  constructor(
    private readonly nodes: readonly Node[],
    private readonly cleanUp: CleanUp,
  ) {
    this.redisUrl = `redis+cluster://${nodes.map(({ address }) => address).join(',')}`
    this.pairs = nodes.slice(0, masters).flatMap((master, position) => {
      const replica = nodes[masters + position]
      return replica ? [{ master, replica }] : []
    })
  }

  async join(): Promise<void> {
    const [first] = this.nodes
    for (const [position, { master }] of this.pairs.entries()) {
      const from = Math.ceil((position * slots) / masters)
      const to = Math.ceil(((position + 1) * slots) / masters)
      await master.ask('CLUSTER', 'SET-CONFIG-EPOCH', position + 1)
      await master.ask('CLUSTER', 'ADDSLOTS', ...Array.from({ length: to - from }, (_, slot) => from + slot))
    }
    for (const node of this.nodes.slice(1)) await first?.ask('CLUSTER', 'MEET', '127.0.0.1', node.port)
    for (const { master, replica } of this.pairs) {
      const id = await master.id()
      await until(() => replica.ask('CLUSTER', 'REPLICATE', id)) // once it has heard of its master
    }
    await this.settled()
  }

  async masterOf(key: string): Promise<Node> {
    const [node] = this.running
    const slot = Number(await node?.ask('CLUSTER', 'KEYSLOT', key))
    const ranges = await node?.slots()
    const port = ranges?.find(({ from, to }) => from <= slot && slot <= to)?.port
    const owner = this.nodes.find((node) => node.port === port)
    if (owner === undefined) throw new Error(`no node answers for ${key} (slot ${slot})`)
    return owner
  }

  async failOver(replica: RedisNode, how?: 'FORCE' | 'TAKEOVER'): Promise<void> {
    const node = this.known(replica)
    await node.ask('CLUSTER', 'FAILOVER', ...(how ? [how] : []))
    await until(async () => {
      for (const each of this.running)
        if (!(await each.slots()).some(({ port }) => port === node.port))
          throw new Error(`${each.address} does not know that ${node.address} took over`)
    })
  }

  async fallBehind(replica: RedisNode): Promise<void> {
    const node = this.known(replica)
    await this.#hasAll(node)
    await node.ask('CONFIG', 'SET', 'masterauth', 'not the password') // its master has none, and refuses it
    await node.ask('CLIENT', 'KILL', 'TYPE', 'master')
  }

  /** Resolves once the replica has what its master holds now. */
  async #hasAll(replica: Node): Promise<void> {
    const masterPort = field(await replica.text('INFO', 'replication'), 'master_port')
    const master = this.nodes.find(({ port }) => port === masterPort)
    if (master === undefined) throw new Error(`${replica.url} follows no node of this cluster`)
    const wanted = field(await master.text('INFO', 'replication'), 'master_repl_offset')
    await until(async () => {
      const has = field(await replica.text('INFO', 'replication'), 'slave_repl_offset')
      if (has < wanted) throw new Error(`${replica.url} has ${has} of ${wanted} bytes of its master's log`)
    })
  }

  async catchUp(replica: RedisNode): Promise<void> {
    await this.known(replica).ask('CONFIG', 'SET', 'masterauth', '')
  }

  async moveSlotOf(key: string, to: RedisNode): Promise<void> {
    const [source, target] = [await this.masterOf(key), this.known(to)]
    const slot = Number(await target.ask('CLUSTER', 'KEYSLOT', key))
    if (source === target) return
    const [sourceId, targetId] = [await source.id(), await target.id()]
    await target.ask('CLUSTER', 'SETSLOT', slot, 'IMPORTING', sourceId)
    await source.ask('CLUSTER', 'SETSLOT', slot, 'MIGRATING', targetId)
    for (let keys = await source.keysIn(slot); keys.length > 0; keys = await source.keysIn(slot))
      await source.ask('MIGRATE', '127.0.0.1', target.port, '', 0, patienceMs, 'REPLACE', 'KEYS', ...keys)
    for (const node of [target, source]) await node.ask('CLUSTER', 'SETSLOT', slot, 'NODE', targetId)
    await until(async () => {
      for (const each of this.running)
        if (!(await each.slots()).some(({ from, to, port }) => from <= slot && slot <= to && port === target.port))
          throw new Error(`${each.address} does not know that slot ${slot} moved`)
    })
  }

  async settled(): Promise<void> {
    await until(async () => {
      for (const node of this.running) {
        const info = await node.text('CLUSTER', 'INFO')
        if (!/cluster_state:ok/.test(info)) throw new Error(`${node.address}: ${info}`)
        if (!new RegExp(`cluster_known_nodes:${this.nodes.length}\\b`).test(info))
          throw new Error(`${node.address} does not know all others`)
        const replication = await node.text('INFO', 'replication')
        if (/role:slave/.test(replication) && !/master_link_status:up/.test(replication))
          throw new Error(`${node.address} does not follow its master yet`)
      }
    })
  }

  async stop(): Promise<void> {
    for (const node of this.nodes) node.close()
    await this.cleanUp.run()
  }

  private get running(): readonly Node[] {
    return this.nodes.filter(({ isRunning }) => isRunning)
  }

  private known(node: RedisNode): Node {
    const found = this.nodes.find(({ url }) => url === node.url)
    if (found === undefined) throw new RangeError(`${node.url} is no node of this cluster`)
    return found
  }
}

/** A server with a connection of its own, for orders. */
class Node implements RedisNode {
  readonly url: string
  readonly address: string
  readonly port: number
  readonly server: Server
  private readonly control: Redis
  private isPaused = false

  constructor({ host, port, server }: Endpoint) {
    this.port = port
    this.address = `${host}:${port}`
    this.url = `redis://${this.address}`
    this.control = new Redis(this.url, { retryStrategy: () => 50, maxRetriesPerRequest: 1 })
    this.control.on('error', () => undefined) // it is killed in tests; a command says so too
    this.server = {
      name: server.name,
      get pid() {
        return server.pid
      },
      logTail: (lines) => server.logTail(lines),
      start: async () => {
        await server.start()
        this.isPaused = false
      },
      kill: async (signal) => {
        this.isPaused = signal === 'SIGSTOP'
        await server.kill(signal)
      },
    }
  }

  get isRunning(): boolean {
    return this.server.pid !== undefined && !this.isPaused
  }

  async ask(command: string, ...parameters: (string | number)[]): Promise<unknown> {
    return this.control.call(command, ...parameters)
  }

  async text(command: string, ...parameters: (string | number)[]): Promise<string> {
    return String(await this.ask(command, ...parameters))
  }

  id(): Promise<string> {
    return this.text('CLUSTER', 'MYID')
  }

  async keysIn(slot: number): Promise<string[]> {
    return (await this.control.cluster('GETKEYSINSLOT', slot, 1_000)).map(String)
  }

  /** Which master answers for which slots, as this node sees it. */
  async slots(): Promise<{ from: number; to: number; port: number }[]> {
    const ranges = await this.control.cluster('SLOTS')
    return ranges.flatMap(([from, to, master]) => (master ? [{ from, to, port: master[1] }] : []))
  }

  close(): void {
    this.control.disconnect()
  }
}

/** A number in what INFO says. */
const field = (info: string, name: string): number => Number(new RegExp(`^${name}:(\\d+)`, 'm').exec(info)?.[1])

const until = (passes: () => Promise<unknown>): Promise<void> =>
  untilPasses(
    async () => {
      await passes()
    },
    patienceMs,
    () => undefined,
  )
