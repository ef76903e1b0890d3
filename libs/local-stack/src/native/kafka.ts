import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { kafkaAccepts } from '../accepts.js'
import { kafkaHeap, kafkaProperties } from '../kafka-properties.js'
import { onFreePorts } from '../ports.js'
import type { Endpoint } from '../server.js'
import { javaRemedy, mavenFolder } from './maven.js'
import { NativeServer } from './native-server.js'
import { runProgram } from './program.js'
import type { NativeStart } from './start.js'

/** A Kafka broker on this machine's Java, its jars from Maven. */
export async function startKafka({
  settings,
  folder,
  guard,
  signal,
  onServer,
  artifacts,
}: NativeStart): Promise<Endpoint> {
  const java = process.env['JAVA_HOME'] ? join(process.env['JAVA_HOME'], 'bin', 'java') : 'java'
  const classPath = join(await artifacts('kafka'), 'jars', '*')
  const { kafkaPartitions, kafkaProxy } = settings
  return onFreePorts(4, async (port, controllerPort, internalPort, portBehindProxy) => {
    const home = join(folder, `kafka-${port}`)
    const properties = join(home, 'server.properties')
    const clusterId = randomBytes(16).toString('base64url')
    await mkdir(home)
    await writeFile(
      properties,
      kafkaProperties({
        bind: '127.0.0.1',
        port,
        advertised: { host: '127.0.0.1', port },
        controllerPort,
        internalPort,
        dataFolder: join(home, 'data'),
        partitions: kafkaPartitions,
        ...(kafkaProxy !== undefined && { behindProxy: { port: portBehindProxy, advertised: kafkaProxy } }),
      }),
    )
    const logging = `-Dlog4j2.configurationFile=${join(mavenFolder, 'log4j2.xml')}`
    const format = ['format', '--standalone', `--cluster-id=${clusterId}`, '--config', properties]
    await runProgram({
      server: 'kafka',
      title: 'Java',
      command: java,
      args: ['-XX:TieredStopAtLevel=1', logging, '-cp', classPath, 'kafka.tools.StorageTool', ...format],
      cwd: home,
      remedy: javaRemedy,
      signal,
    })
    const server = new NativeServer(
      {
        name: 'kafka',
        command: java,
        args: [
          ...kafkaHeap.split(' '),
          '-Djava.awt.headless=true',
          logging,
          '-cp',
          classPath,
          'kafka.Kafka',
          properties,
        ],
        cwd: home,
        logFile: join(folder, `kafka-${port}.log`),
        endSignal: 'SIGKILL',
        remedy: javaRemedy,
        acceptsAs: () => () => kafkaAccepts('127.0.0.1', port, clusterId),
      },
      guard,
      signal,
    )
    onServer(server)
    await server.start()
    return { server, host: '127.0.0.1', port, ...(kafkaProxy !== undefined && { portBehindProxy }) }
  })
}
