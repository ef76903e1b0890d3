import { connectKafka } from '@freshet/kafka'
import { readConfiguration, variables, type Environment } from '@freshet/service-kit'
import type { Command } from 'commander'
import { examples, interruptible } from '../arguments.js'
import { clientId } from '../settings.js'
import type { Terminal } from '../terminal.js'
import { watchFences } from './watch.js'

const watchVariables = { kafkaBrokers: variables.kafkaBrokers, topicPrefix: variables.topicPrefix }

interface Surroundings {
  readonly terminal: Terminal
  readonly environment: Environment
}

/** Makes a command `freshet watch`. */
export function addWatch(watchCommand: Command, { terminal, environment }: Surroundings): void {
  watchCommand
    .description('every fence as it happens: the tag, its commit, the rule, and how long it took')
    .option(
      '--tag <tag>',
      'only what fences this key (member:42:balance), wildcard (member:42:*) or template (member:{id}:balance)',
    )
    .option('--json', 'for machines: one object a line')
    .addHelpText('after', examples(['freshet watch', "freshet watch --tag 'member:{id}:balance' --json | jq .tag"]))
    .addHelpText('after', '\nIt needs FRESHET_KAFKA_BROKERS and FRESHET_TOPIC_PREFIX alone, and ends with Ctrl-C.')
    .action(async ({ tag, json }: { tag?: string; json?: true }) => {
      const { kafkaBrokers, topicPrefix } = readConfiguration(watchVariables, environment)
      const watch = async (signal: AbortSignal): Promise<void> => {
        const kafka = connectKafka({ brokers: kafkaBrokers, clientId })
        try {
          await watchFences(terminal, { kafka, topicPrefix, tag, json: json === true, signal })
        } finally {
          await kafka.close()
        }
      }
      await interruptible(watch, ['SIGINT', 'SIGTERM'])
    })
}
