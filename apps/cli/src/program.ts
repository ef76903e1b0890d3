import { invalidateTags } from '@freshet/cache'
import { importLoaderModule } from '@freshet/cache/loaders'
import { catalogFromJson, type Catalog } from '@freshet/catalog'
import { graphFormats, graphText, type GraphFormat } from '@freshet/explain'
import { dependencyGraph } from '@freshet/planner'
import type { ProviderName } from '@freshet/local-stack'
import { optional, readConfiguration, variables, type Environment } from '@freshet/service-kit'
import { Argument, Command, InvalidArgumentError, Option } from 'commander'
import { durationMs, examples, interruptible, keyCount } from './arguments.js'
import { audit } from './audit/audit.js'
import { buildCatalog } from './catalog/build-catalog.js'
import { judgeCatalog, validCatalog } from './catalog/catalog-source.js'
import { standingsOf } from './catalog/catalog-states.js'
import { catalogsJson, printCatalogs } from './catalog/list-catalogs.js'
import { printJudgement } from './catalog/print-judgement.js'
import { registerCatalog } from './catalog/register-catalog.js'
import { readCatalogs, readRegistered } from './catalog/registered.js'
import { retireCatalogs } from './catalog/retire-catalogs.js'
import { withSystem } from './connect-system.js'
import { printDeadLetters, readDeadLetters, replayDeadLetters } from './dead-letters/dead-letters.js'
import { explainChanges, readChanges } from './explain/explain-change.js'
import { printTopKeys, readTopKeys, topKeysJson } from './hot/hot-keys.js'
import { explainOneKey, printKeyForChanges } from './explain/explain-key.js'
import { tagsOfTexts } from './invalidate/tag-text.js'
import { serviceNames, startService, type ServiceName } from './service/start-service.js'
import { clientId, readHotKeysSettings, systemVariables } from './settings.js'
import { stackUp } from './stack/stack-up.js'
import { printStatus, statusJson } from './status/print-status.js'
import { readStatus } from './status/status.js'
import type { Terminal } from './terminal.js'
import { addWarm } from './warm/warm-command.js'
import { addWatch } from './watch/watch-command.js'

const auditVariables = { ...systemVariables, loaders: optional(variables.loaders) }

interface ExplainOptions {
  readonly change?: string
  readonly catalog?: string
  readonly loaders?: string
  readonly json?: true
}

/** `explain KEY --change`: the change does not fence the key. */
const NOT_FENCED = 3

interface AuditOptions {
  readonly for: number
  readonly rate: number
  readonly recheck: readonly number[]
  readonly json?: true
}

/** The command tree. `exitCode` is that of the command which `program` has run. */
export function freshetProgram(
  terminal: Terminal,
  environment: Environment,
): { readonly program: Command; readonly exitCode: () => number } {
  let succeeded = true
  let exitCode = 0
  const settings = () => readConfiguration(systemVariables, environment)
  const program = new Command('freshet')
    .description('Event-driven cache invalidation for services on Postgres.')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.print(text.trimEnd()),
      writeErr: (text) => terminal.note(text.trimEnd()),
    })
    .showHelpAfterError('Add --help to see how it is used.')
    .addHelpText('after', examples(['freshet stack up', 'freshet start cdc-listener', 'freshet status']))
    .addHelpText(
      'after',
      '\nCommands that talk to a running system read FRESHET_POSTGRES_URL, FRESHET_KAFKA_BROKERS, FRESHET_REDIS_URL,\n' +
        'FRESHET_NAMESPACE, FRESHET_TOPIC_PREFIX and FRESHET_SLOT; `freshet stack up` prints them for its servers.',
    )

  program
    .command('stack')
    .description('Postgres, Kafka and Redis on this machine')
    .command('up')
    .description('start all three, print the variables for other shells, and keep them until Ctrl-C')
    .addOption(
      new Option('--provider <name>', 'containers need Docker, native a JDK 17 and Maven; auto takes what there is')
        .choices(['auto', 'containers', 'native'])
        .default('auto'),
    )
    .addHelpText('after', examples(['freshet stack up', 'freshet stack up --provider native > variables.sh']))
    .action(async ({ provider }: { provider: 'auto' | ProviderName }) => stackUp(terminal, { provider }))

  program
    .command('start')
    .description('run one service in this process until SIGTERM or Ctrl-C')
    .addArgument(new Argument('<service>', 'which one').choices(serviceNames))
    .addHelpText(
      'after',
      examples([
        'freshet start cdc-listener',
        'FRESHET_HTTP_PORT=3002 freshet start invalidation-service',
        'FRESHET_LOADERS=./dist/loaders.js freshet start cache-warmer',
      ]),
    )
    .action(async (service: ServiceName) => startService(service))

  program
    .command('status')
    .description('how far listener and invalidation-service have come, and which catalogs are in force')
    .option('--json', 'for machines')
    .addHelpText('after', examples(['freshet status', 'freshet status --json | jq .applied']))
    .action(async ({ json }: { json?: true }) => {
      const { slot, ...rest } = settings()
      const status = await withSystem({ slot, ...rest }, async (system) => readStatus(system, slot))
      if (json) terminal.print(statusJson(status))
      else printStatus(terminal, slot, status)
    })

  /** Of a source, or all that are registered. */
  const catalogsOf = async (source: string | undefined): Promise<readonly Catalog[]> => {
    if (source !== undefined) return [await validCatalog(source)]
    const system = settings()
    return withSystem(system, async ({ kafka }) =>
      (await readRegistered(kafka, system.topicPrefix)).map((registered) => catalogFromJson(registered.catalog)),
    )
  }

  const catalog = program.command('catalog').description('the rules by which changes make cached values stale')

  catalog
    .command('build')
    .description("write a module's catalog as JSON")
    .argument('<module>', 'path of a module, or a package, that exports what catalog(...) returned')
    .option('--out <file>', 'where to; standard output by default')
    .addHelpText('after', examples(['freshet catalog build ./dist/catalog.js --out catalog.json']))
    .action(async (module: string, { out }: { out?: string }) => {
      succeeded = await buildCatalog(terminal, module, out)
    })

  catalog
    .command('validate')
    .description('print every fault of a catalog, and what looks doubtful; needs no server')
    .argument('<source>', 'a .json file, the path of a module, or a package')
    .addHelpText('after', examples(['freshet catalog validate catalog.json']))
    .action(async (source: string) => {
      succeeded = printJudgement(terminal, source, await judgeCatalog(source))
    })

  catalog
    .command('register')
    .description('validate a catalog, hand it to the listener, and wait until it is in force')
    .argument('<source>', 'a .json file, the path of a module, or a package')
    .addOption(
      new Option('--timeout <duration>', 'how long to wait: 500ms, 60s, 5m')
        .argParser(durationMs)
        .default(60_000, '60s'),
    )
    .addHelpText('after', examples(['freshet catalog register catalog.json', 'freshet catalog register @acme/catalog']))
    .action(async (source: string, { timeout }: { timeout: number }) => {
      succeeded = await registerCatalog(terminal, source, settings(), timeout)
    })

  catalog
    .command('list')
    .description('every catalog: pending, accepted, in force since which LSN, refused with its faults, or retired')
    .option('--json', 'for machines')
    .addHelpText('after', examples(['freshet catalog list', 'freshet catalog list --json | jq .']))
    .action(async ({ json }: { json?: true }) => {
      const system = settings()
      const standings = await withSystem(system, async ({ kafka, redis }) =>
        standingsOf(await readCatalogs(kafka, system.topicPrefix), await redis.catalogsInForce()),
      )
      if (json) terminal.print(catalogsJson(standings))
      else printCatalogs(terminal, standings)
    })

  catalog
    .command('retire')
    .description('end a catalog that no instance runs with any more: its rules, what is stored under it, its tables')
    .argument('<catalog>', 'OWNER@VERSION, or OWNER for all its versions')
    .option('--yes', 'do not ask')
    .addOption(
      new Option('--timeout <duration>', 'how long to wait: 500ms, 60s, 5m')
        .argParser(durationMs)
        .default(60_000, '60s'),
    )
    .addHelpText(
      'after',
      examples(['freshet catalog retire members-api@1', 'freshet catalog retire members-api --yes']),
    )
    .action(async (wanted: string, { yes = false, timeout }: { yes?: boolean; timeout: number }) => {
      const { system, hotKeys } = readHotKeysSettings(environment)
      const { topicPrefix, namespace } = system
      succeeded = await withSystem(system, (servers) =>
        retireCatalogs(terminal, wanted, servers, { topicPrefix, namespace, hotKeys, yes, timeoutMs: timeout }),
      )
    })

  catalog
    .command('graph')
    .description('what makes what wrong: tables and events, templates, and what is derived from them')
    .argument('[source]', 'a .json file, the path of a module, or a package; all registered catalogs by default')
    .addOption(new Option('--format <format>', 'mermaid and dot draw it').choices(graphFormats).default('mermaid'))
    .addHelpText(
      'after',
      examples([
        'freshet catalog graph ./dist/catalog.js',
        'freshet catalog graph --format dot | dot -Tsvg > rules.svg',
      ]),
    )
    .action(async (source: string | undefined, { format }: { format: GraphFormat }) => {
      terminal.print(graphText(dependencyGraph(await catalogsOf(source)), format))
    })

  program
    .command('explain')
    .description(
      'what governs a key, what can fence it, what Redis holds of it and what fenced it last; or what a change would fence, and why',
    )
    .argument('[key]', 'member:42:balance')
    .option(
      '--change <file>',
      'JSON: one change, or several; nothing is applied. With a key: does it fence it, and why not',
    )
    .option(
      '--catalog <source>',
      'a .json file, the path of a module, or a package; all registered catalogs by default',
    )
    .option('--loaders <module>', 'path of a module, or a package, that a loader is looked for in')
    .option('--json', 'for machines; needs a key')
    .addHelpText(
      'after',
      `${examples([
        'freshet explain member:42:balance',
        'freshet explain --change change.json --catalog ./dist/catalog.js',
        'freshet explain member:42:balance --change change.json --catalog ./dist/catalog.js',
      ])}\n\nA change, by the catalog's aliases:\n  {"table": "public.payments", "update": {"old": {"id": 1, "memberId": 42}, "new": {"id": 1, "memberId": 43}}}`,
    )
    .addHelpText('after', '\nThe exit code of a key with a change is 0 when it is fenced, 3 when it is not.')
    .action(async (key: string | undefined, options: ExplainOptions, command: Command) => {
      const { change, catalog: source, loaders, json = false } = options
      if (key === undefined && (change === undefined || json || loaders !== undefined))
        command.error(change === undefined ? 'error: name a key, or --change' : 'error: name a key')
      if (key === undefined) explainChanges(terminal, await catalogsOf(source), await readChanges(change ?? ''))
      else if (change !== undefined) {
        const changes = await readChanges(change)
        exitCode = printKeyForChanges(terminal, await catalogsOf(source), key, changes, json) ? 0 : NOT_FENCED
      } else {
        const module = loaders === undefined ? undefined : await importLoaderModule(loaders, process.cwd())
        const catalogs = await catalogsOf(source)
        const { system, hotKeys } = readHotKeysSettings(environment)
        const { topicPrefix } = system
        await withSystem(system, async ({ values, kafka }) => {
          const sources = { catalogs, values, kafka, topicPrefix, hotKeys, loaders: module?.catalog }
          await explainOneKey(terminal, key, sources, json)
        })
      }
    })

  program
    .command('invalidate')
    .description(
      'make cached values unservable in every layer, by hand (lease strength: loads that begin later are believed)',
    )
    .argument(
      '<tag...>',
      'a key (member:42:balance), a wildcard (member:42:*) or a whole template (member:{id}:balance)',
    )
    .addHelpText(
      'after',
      examples(["freshet invalidate 'member:42:*' member:7:balance", "freshet invalidate 'member:{id}:profile'"]),
    )
    .action(async (texts: string[]) => {
      const system = settings()
      await withSystem(system, async ({ kafka, redis }) => {
        const tags = tagsOfTexts(texts, await readRegistered(kafka, system.topicPrefix))
        const { topicPrefix, namespace } = system
        const source = `freshet/${namespace}/${clientId}`
        await invalidateTags(tags, { rotate: () => redis.rotateOnly(tags), kafka, topicPrefix, source })
      })
      for (const text of texts) terminal.print(`invalidated ${text}`)
    })

  program
    .command('audit')
    .description('compare what the layers serve with the database, and say in nines how much of it is consistent')
    .argument('[loaders]', 'path of a module, or a package, that exports catalog and registerLoaders; FRESHET_LOADERS')
    .addOption(new Option('--for <duration>', 'how long: 30s, 5m').argParser(durationMs).default(60_000, '60s'))
    .addOption(
      new Option('--rate <keys>', 'keys looked at in a second; each is loaded twice').argParser(rate).default(20),
    )
    .addOption(
      new Option('--recheck <durations>', 'when a wrong value is looked at again, since it was seen')
        .argParser((text) => text.split(',').map(durationMs))
        .default([1_000, 5_000, 60_000], '1s,5s,60s'),
    )
    .option('--json', 'for machines')
    .addHelpText(
      'after',
      examples(['freshet audit ./dist/loaders.js', 'freshet audit @acme/members --for 10m --rate 50 --json']),
    )
    .addHelpText('after', '\nThe exit code is 1 when something is still stale at the last look.')
    .action(async (loaders: string | undefined, options: AuditOptions, command: Command) => {
      const { loaders: named, ...system } = readConfiguration(auditVariables, environment)
      const module = loaders ?? named
      if (module === undefined) command.error('error: name a module of loaders, or set FRESHET_LOADERS')
      const { rate: keysPerSecond, for: forMs, recheck: recheckAfterMs, json } = options
      succeeded = await interruptible((signal) => {
        const wanted = { loaders: module, forMs, keysPerSecond, recheckAfterMs, signal, ...(json && { json }) }
        return audit(terminal, wanted, system)
      })
    })

  program
    .command('hot')
    .description('the keys that all services together read most, and which of them are hot')
    .addOption(new Option('--top <keys>', 'how many').argParser(keyCount).default(20))
    .option('--json', 'for machines')
    .addHelpText('after', examples(['freshet hot', 'freshet hot --top 1000 --json | jq .keys']))
    .addHelpText(
      'after',
      '\nFRESHET_HOT_KEYS_AMONG, _MORE_THAN and _WINDOW say what is hot, as for the invalidation service.',
    )
    .action(async ({ top, json }: { top: number; json?: true }) => {
      const { system, hotKeys: rule } = readHotKeysSettings(environment)
      const keys = await withSystem(system, async ({ kafka }) => readTopKeys(kafka, system.topicPrefix, rule, top))
      if (json) terminal.print(topKeysJson(rule, keys))
      else printTopKeys(terminal, keys)
    })

  addWarm(program.command('warm'), { terminal, environment, onExit: (code) => (exitCode = code) })
  addWatch(program.command('watch'), { terminal, environment })

  const deadLetters = program
    .command('dead-letters')
    .description('records that could not be read; what they may have changed is fenced')

  deadLetters
    .command('list')
    .description('each with the reason, the oldest first')
    .addHelpText('after', examples(['freshet dead-letters list']))
    .action(async () => {
      const system = settings()
      await withSystem(system, async ({ kafka }) =>
        printDeadLetters(terminal, await readDeadLetters(kafka, system.topicPrefix)),
      )
    })

  deadLetters
    .command('replay')
    .description('send records to their topics again, as they were; on a change topic this also counts as a gap')
    .argument('[id...]', 'as list shows them')
    .option('--all', 'all that are kept')
    .addHelpText(
      'after',
      examples(['freshet dead-letters replay member.changes.v1/0/4711', 'freshet dead-letters replay --all']),
    )
    .action(async (ids: string[], { all }: { all?: true }, command: Command) => {
      if (all ? ids.length > 0 : ids.length === 0) command.error('error: give ids, or --all')
      const system = settings()
      await withSystem(system, async ({ kafka }) => {
        const letters = await readDeadLetters(kafka, system.topicPrefix)
        const sent = await replayDeadLetters(kafka, letters, all ? 'all' : ids)
        for (const { id } of sent) terminal.print(`replayed ${id}`)
        if (sent.length === 0) terminal.print('There are no dead letters.')
      })
    })

  return { program, exitCode: () => (succeeded ? exitCode : 1) }
}

function rate(text: string): number {
  const keys = Number(text)
  if (Number.isFinite(keys) && keys > 0 && keys <= 10_000) return keys
  throw new InvalidArgumentError('it must be a number of keys between 0 and 10,000.')
}
