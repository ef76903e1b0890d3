import { importLoaderModule, LoaderModuleError, type LoaderModule } from '@freshet/cache/loaders'
import { warmRun, type RunKey } from '@freshet/cache-warmer/runs'
import { catalogFromJson } from '@freshet/catalog'
import { hottestOfDay } from '@freshet/hot-keys'
import { createPool } from '@freshet/postgres'
import { withSystem, type System } from '../connect-system.js'
import type { HotKeysSettings } from '@freshet/explain'
import { readTopKeys } from '../hot/hot-keys.js'
import { readRegistered } from '../catalog/registered.js'
import { clientId, type SystemSettings } from '../settings.js'
import { tableLines } from '../table.js'
import type { Terminal } from '../terminal.js'
import { templateNamed, templatesIn, type ChosenTemplate } from './chosen-templates.js'
import { keySourceOf } from './key-source.js'
import { listKeys, type ListedKeys } from './listed-keys.js'
import { countsText, progressLine } from './progress.js'
import { keysOf, RunTally, type RunCounts } from './run-tally.js'
import { topRunKeys } from './top-keys.js'

/** Which keys are to be warmed. */
export type Wanted = { readonly top: number } | { readonly template: string } | { readonly all: true }

export interface WarmCommand {
  readonly wanted: Wanted
  /** Module of loaders, for its catalog and `keyLists`; all registered catalogs where it is left out. */
  readonly loaders?: string
  readonly ttlMs?: number
  readonly json?: boolean
  /** Ends the run early. */
  readonly signal: AbortSignal
}

export interface WarmSettings extends SystemSettings {
  readonly queueRedisUrl: string | undefined
  readonly hotKeys: HotKeysSettings
}

/** What cannot be warmed at all. */
export class NothingToWarmError extends Error {
  readonly code = 'NOTHING_TO_WARM'

  constructor(readonly reasons: readonly string[]) {
    super(`There are no keys to warm:\n${reasons.join('\n')}`)
    this.name = 'NothingToWarmError'
  }
}

/** Keys, and how many there are where that is known. */
interface Listed {
  readonly total: number | undefined
  readonly chunks: AsyncIterable<readonly RunKey[]>
}

const INTERRUPTED = 130
const TOLD_EVERY_MS = 10_000
const DRAWN_EVERY_MS = 200
/** Reasons of failures that are printed. */
const SHOWN_REASONS = 20
/** A list of all keys may take its time. */
const LIST_MS = 600_000

/**
 * Has the warmers load many keys and prints what became of them. Returns the exit code: 0 when all are warm, 1 when
 * something was not stored, 130 when it was interrupted.
 *
 * Throws NothingToWarmError, TemplateNotFoundError, KeyListError, LoaderModuleError, WarmerAbsentError and
 * QueueUnreachableError; what has been done by then is printed.
 */
export async function warm(terminal: Terminal, command: WarmCommand, settings: WarmSettings): Promise<number> {
  const module = command.loaders === undefined ? undefined : await importLoaderModule(command.loaders, process.cwd())
  return withSystem(settings, async (system) => {
    const catalogs = module
      ? [module.catalog]
      : (await readRegistered(system.kafka, settings.topicPrefix)).map(({ catalog }) => catalogFromJson(catalog))
    const templates = templatesIn(catalogs)
    const run = (listed: Listed) => runAndTell(terminal, command, settings, listed)
    const { wanted } = command
    if ('top' in wanted) return run(await topKeys(terminal, system, settings, templates, wanted.top))
    const chosen = 'template' in wanted ? [templateNamed(templates, wanted.template)] : templates
    return withListed(terminal, chosen, { command, module, url: settings.postgresUrl }, run)
  })
}

async function topKeys(
  terminal: Terminal,
  { kafka, redis }: System,
  { topicPrefix, hotKeys }: WarmSettings,
  templates: readonly ChosenTemplate[],
  top: number,
): Promise<Listed> {
  const ofDay = hottestOfDay(await redis.hotHours(), Date.now())
  const ofHour = ofDay.length < top ? await readTopKeys(kafka, topicPrefix, hotKeys, top) : []
  const { keys, leftOut } = topRunKeys(ofDay, ofHour, templates, top)
  if (keys.length === 0) throw new NothingToWarmError(['no client has reported a read of a registered template'])
  if (leftOut > 0)
    terminal.note(`${leftOut} keys are left out: their template is not known, or of a long query only its digest is`)
  return { total: keys.length, chunks: inOne(keys) }
}

async function* inOne<Each>(one: Each): AsyncIterable<Each> {
  yield await Promise.resolve(one)
}

/** Lists the keys of templates for the time of `run`. What cannot be listed is left out of `--all`, and told. */
async function withListed(
  terminal: Terminal,
  chosen: readonly ChosenTemplate[],
  { command, module, url }: { command: WarmCommand; module: LoaderModule | undefined; url: string },
  run: (listed: Listed) => Promise<number>,
): Promise<number> {
  const lists = module?.keyLists ?? {}
  const unknown = Object.keys(lists).find((name) => !module?.catalog.templates.has(name))
  if (unknown !== undefined)
    throw new LoaderModuleError(command.loaders ?? '', `keyLists.${unknown} is of no template of its catalog`)
  const pool = createPool({ url, applicationName: clientId, max: 4, statementTimeoutMs: LIST_MS })
  const client = await pool.connect()
  try {
    const listed: ListedKeys[] = []
    const reasons: string[] = []
    for (const [at, template] of chosen.entries()) {
      const source = keySourceOf(template.catalog, template, lists[template.name])
      if ('reason' in source) reasons.push(`${template.owner}/${template.name}: ${source.reason}`)
      else {
        listed.push(await listKeys(template, source, { pool, client, cursor: `freshet_keys_${at}` }))
        terminal.note(`${template.owner}/${template.name}: keys from ${source.from}`)
      }
    }
    if (listed.length === 0) throw new NothingToWarmError(reasons)
    for (const reason of reasons) terminal.note(`left out: ${reason}`)
    const total = listed.reduce<number | undefined>((sum, one) => add(sum, one.total), 0)
    return await run({ total, chunks: oneAfterTheOther(listed) })
  } finally {
    client.release(true) // with its cursors
    await pool.end()
  }
}

const add = (sum: number | undefined, one: number | undefined): number | undefined =>
  sum === undefined || one === undefined ? undefined : sum + one

async function* oneAfterTheOther(lists: readonly ListedKeys[]): AsyncIterable<readonly RunKey[]> {
  for (const list of lists) yield* list.chunks()
}

async function runAndTell(
  terminal: Terminal,
  { ttlMs, signal, json = false }: WarmCommand,
  { redisUrl, queueRedisUrl, namespace }: WarmSettings,
  { total, chunks }: Listed,
): Promise<number> {
  const tally = new RunTally()
  const reasons = new Set<string>()
  const startedMs = performance.now()
  const line = () => progressLine(tally.all, total, performance.now() - startedMs)
  const { status } = terminal
  const timer = setInterval(
    () => (status ? status(line()) : terminal.note(line())),
    status ? DRAWN_EVERY_MS : TOLD_EVERY_MS,
  )
  try {
    await warmRun(chunks, {
      url: queueRedisUrl ?? redisUrl,
      namespace,
      signal,
      ...(ttlMs !== undefined && { ttlMs }),
      onEnded: (ended) => {
        tally.ended(ended)
        const { template, outcome, reason } = ended
        if (reason === undefined || reasons.size >= SHOWN_REASONS) return
        const text = `${template} ${outcome}: ${reason}`
        if (!reasons.has(text)) terminal.note(text)
        reasons.add(text)
      },
    })
  } finally {
    clearInterval(timer)
    status?.('')
    print(terminal, tally, { elapsedMs: performance.now() - startedMs, isInterrupted: signal.aborted, json })
  }
  if (signal.aborted) return INTERRUPTED
  return tally.isWhole ? 0 : 1
}

interface Facts {
  readonly elapsedMs: number
  readonly isInterrupted: boolean
  readonly json: boolean
}

function print(terminal: Terminal, tally: RunTally, { elapsedMs, isInterrupted, json }: Facts): void {
  const { all, byTemplate } = tally
  const seconds = Math.round(elapsedMs) / 1_000
  const keys = keysOf(all)
  const perSecond = Math.round((keys * 1_000) / Math.max(elapsedMs, 1))
  if (json) {
    const templates = [...byTemplate].map(([template, counts]) => ({ template, keys: keysOf(counts), ...counts }))
    return terminal.print(JSON.stringify({ keys, ...all, seconds, keysPerSecond: perSecond, isInterrupted, templates }))
  }
  const rows = [...byTemplate].map(([template, counts]) => [template, String(keysOf(counts)), ...cells(counts)])
  if (rows.length > 0)
    for (const row of tableLines(['TEMPLATE', 'KEYS', 'WARMED', 'FRESH', 'REFUSED', 'FAILED', 'OTHER'], rows))
      terminal.print(row)
  terminal.print(`${isInterrupted ? 'interrupted: ' : ''}${countsText(all)} in ${seconds} s, ${perSecond}/s`)
}

const cells = ({ warmed, fresh, refused, failed, late, foreign, unknown }: RunCounts): string[] =>
  [warmed, fresh, refused, failed, late + foreign + unknown].map(String)
