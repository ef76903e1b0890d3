/** Where a single-node broker listens and what clients are told. */
export interface BrokerPlace {
  /** Address that the client listener binds. */
  bind: string
  port: number
  advertised: { host: string; port: number }
  controllerPort: number
  /** Where the broker reaches itself; needed where the advertised address is one it cannot see, as in a container. */
  internalPort: number
  /** One more listener, for a proxy that leads to it: who comes over that is told the proxy's address. */
  behindProxy?: { port: number; advertised: string }
  dataFolder: string
  partitions: number
}

/** The broker's configuration: KRaft, one node that is its own controller, sized for a developer's machine. */
export function kafkaProperties(place: BrokerPlace): string {
  const { bind, port, advertised, controllerPort, internalPort, behindProxy } = place
  const itself = `127.0.0.1:${internalPort}`
  const forClients = [
    { name: 'CLIENT', at: `${bind}:${port}`, told: `${advertised.host}:${advertised.port}` },
    { name: 'INTERNAL', at: itself, told: itself },
    ...(behindProxy ? [{ name: 'PROXIED', at: `${bind}:${behindProxy.port}`, told: behindProxy.advertised }] : []),
  ]
  const controller = `CONTROLLER://127.0.0.1:${controllerPort}`
  const listeners = [...forClients.map(({ name, at }) => `${name}://${at}`), controller].join(',')
  const properties: Record<string, string | number | boolean> = {
    'process.roles': 'broker,controller',
    'node.id': 1,
    listeners,
    'advertised.listeners': forClients.map(({ name, told }) => `${name}://${told}`).join(','),
    'listener.security.protocol.map': 'CLIENT:PLAINTEXT,INTERNAL:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name': 'INTERNAL',
    'controller.listener.names': 'CONTROLLER',
    'controller.quorum.bootstrap.servers': `127.0.0.1:${controllerPort}`,
    'log.dirs': place.dataFolder,
    'num.partitions': place.partitions,
    // A misspelt topic must fail, as it would on a broker that is run with care.
    'auto.create.topics.enable': false,
    'offsets.topic.num.partitions': 1,
    'offsets.topic.replication.factor': 1,
    'transaction.state.log.num.partitions': 1,
    'transaction.state.log.replication.factor': 1,
    'transaction.state.log.min.isr': 1,
    'share.coordinator.state.topic.num.partitions': 1,
    'share.coordinator.state.topic.replication.factor': 1,
    'share.coordinator.state.topic.min.isr': 1,
    // Nobody else is about to join a group: 3 s of waiting for others would be paid by every test.
    'group.initial.rebalance.delay.ms': 0,
    'group.min.session.timeout.ms': 1_000,
    // A killed broker may register again only after its session, 9 s by default; less than 2 s would fence a busy machine.
    'broker.session.timeout.ms': 2_000,
    'broker.heartbeat.interval.ms': 500,
    'num.network.threads': 2,
    'num.io.threads': 4,
    'log.cleaner.dedupe.buffer.size': 16_777_216,
    'log.retention.check.interval.ms': 60_000,
  }
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('')
}

/** For a machine that also runs everything else; the broker lives off the page cache. */
export const kafkaHeap = '-Xms128m -Xmx512m'
