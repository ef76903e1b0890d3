import { createRequire } from 'node:module'
import { readFile } from 'node:fs/promises'
import { setTimeout as delay } from 'node:timers/promises'
import { connectKafka, type KafkaPort } from '@freshet/kafka'
import { freePorts, residentMegabytes, ServiceProcess, stackEnvironment, type Stack } from '@freshet/local-stack'

/** cdc-listener as a process of its own. */
export async function listenerOf(stack: Stack, nodeArguments: readonly string[] = []): Promise<ServiceProcess> {
  const [port = 0] = await freePorts(1)
  return new ServiceProcess({
    name: 'cdc-listener',
    main: createRequire(import.meta.url).resolve('@freshet/cdc-listener/main'),
    environment: {
      ...stackEnvironment(stack),
      FRESHET_HTTP_PORT: String(port),
      ...(nodeArguments.length > 0 && { NODE_OPTIONS: nodeArguments.join(' ') }),
    },
    readyUrl: `http://127.0.0.1:${port}/health/ready`,
  })
}

export interface Published {
  /** Records a second, from the first that was seen in Kafka to the last. */
  readonly perSecond: number
  /** Time on a processor, in microseconds a record: what is left of the figure on a machine that others use too. */
  readonly cpuMicroseconds: number
  readonly startMegabytes: number
  readonly peakMegabytes: number
}

/** Starts the listener in front of a backlog, and watches the topic until all of it is there. */
export async function publishBacklog(stack: Stack, listener: ServiceProcess, records: number): Promise<Published> {
  const kafka = connectKafka({ brokers: [stack.kafkaBrokers], clientId: 'benchmark' })
  try {
    const before = await recordsIn(kafka)
    listener.begin()
    let peakMegabytes = 0
    let startMegabytes = 0
    let first: { readonly at: number; readonly count: number; readonly cpuMs: number } | undefined
    for (;;) {
      const count = (await recordsIn(kafka)) - before
      const megabytes = await residentMegabytes(listener.pid)
      peakMegabytes = Math.max(peakMegabytes, megabytes)
      if (count === 0) startMegabytes = megabytes
      else first ??= { at: performance.now(), count, cpuMs: await cpuMs(listener.pid) }
      if (first && count >= records) {
        const published = count - first.count
        return {
          perSecond: (published / (performance.now() - first.at)) * 1_000,
          cpuMicroseconds: (((await cpuMs(listener.pid)) - first.cpuMs) / published) * 1_000,
          startMegabytes,
          peakMegabytes,
        }
      }
      await delay(20)
    }
  } finally {
    await kafka.close()
  }
}

async function recordsIn(kafka: KafkaPort): Promise<number> {
  const partitions = await kafka.admin.offsets('reading.changes.v1')
  return partitions.reduce((sum, { high }) => sum + Number(high), 0)
}

/** Of user and system together; the kernel counts in hundredths of a second. */
async function cpuMs(pid: number | undefined): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  const [user, system] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
  return (Number(user) + Number(system)) * 10
}
