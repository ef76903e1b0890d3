import { optional, readConfiguration, variables, type Environment } from '@freshet/service-kit'
import { Option, type Command } from 'commander'
import { durationMs, examples, interruptible, keyCount } from '../arguments.js'
import { hotKeysVariables } from '../settings.js'
import type { Terminal } from '../terminal.js'
import { warm, type Wanted } from './warm.js'

const warmVariables = {
  ...hotKeysVariables,
  queueRedisUrl: optional(variables.queueRedisUrl),
  loaders: optional(variables.loaders),
}

interface WarmOptions {
  readonly top?: number | true
  readonly template?: string
  readonly all?: true
  readonly loaders?: string
  readonly ttl?: number
  readonly json?: true
}

/** `--top` without a number. */
const TOP_KEYS = 1_000

interface Surroundings {
  readonly terminal: Terminal
  readonly environment: Environment
  readonly onExit: (code: number) => void
}

/** Makes a command `freshet warm`. */
export function addWarm(warmCommand: Command, { terminal, environment, onExit }: Surroundings): void {
  warmCommand
    .description('have the warmer load values before anyone asks for them; what is fresh stays as it is')
    .addOption(new Option('--top [keys]', 'the keys that all services together read most; 1000').argParser(keyCount))
    .option('--template <name>', 'all keys of a template: balance, members-api/balance or member:{id}:balance')
    .option('--all', 'all keys of all templates that can be listed')
    .option('--loaders <module>', 'path of a module, or a package, whose keyLists list keys; FRESHET_LOADERS')
    .addOption(
      new Option('--ttl <duration>', 'keep what is loaded so long, where that is longer than its TTL').argParser(
        durationMs,
      ),
    )
    .option('--json', 'for machines')
    .addHelpText(
      'after',
      examples([
        'freshet warm --top 1000',
        'freshet warm --template balance --ttl 12h',
        'freshet warm --all --loaders ./dist/loaders.js --json',
      ]),
    )
    .addHelpText(
      'after',
      '\nThe exit code is 0 when all keys are warmed or were fresh, 1 when some were not, 130 after Ctrl-C.',
    )
    .action(async (options: WarmOptions, command: Command) => {
      const wanted = wantedOf(options)
      if (wanted === undefined) command.error('error: give one of --top, --template and --all')
      const { among, moreThan, windowMs, loaders: named, ...system } = readConfiguration(warmVariables, environment)
      const { loaders = named, ttl: ttlMs, json } = options
      const exitCode = await interruptible((signal) =>
        warm(
          terminal,
          {
            wanted,
            signal,
            ...(loaders !== undefined && { loaders }),
            ...(ttlMs !== undefined && { ttlMs }),
            ...(json && { json }),
          },
          { ...system, hotKeys: { among, moreThan, windowMs } },
        ),
      )
      onExit(exitCode)
    })
}

/** Exactly one of the three. */
function wantedOf({ top, template, all }: WarmOptions): Wanted | undefined {
  const wanted: Wanted[] = []
  if (top !== undefined) wanted.push({ top: top === true ? TOP_KEYS : top })
  if (template !== undefined) wanted.push({ template })
  if (all) wanted.push({ all })
  return wanted.length === 1 ? wanted[0] : undefined
}
