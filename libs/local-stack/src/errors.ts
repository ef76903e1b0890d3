import type { ServerName } from './server.js'

/** A server of the local stack did not come up. Everything that was started before it is stopped when this is thrown. */
export class StackStartError extends Error {
  readonly code = 'FRESHET_STACK_START'
  /** The server; `containers` if it was none in particular. */
  readonly server: ServerName | 'containers'
  /** Why, in one sentence without its full stop. */
  readonly reason: string
  /** The last lines that the server (or the program that prepares it) wrote; empty if it never ran. */
  readonly logTail: readonly string[]
  /** What to install or do so that the next start works. */
  readonly remedy: string

  constructor(facts: {
    server: ServerName | 'containers'
    reason: string
    remedy: string
    logTail?: readonly string[]
    cause?: unknown
  }) {
    const logTail = facts.logTail ?? []
    const log = logTail.length === 0 ? '' : `\nIts last log lines:\n${logTail.map((line) => `  ${line}`).join('\n')}`
    super(`The local stack could not start ${facts.server}: ${facts.reason}. ${facts.remedy}${log}`, {
      cause: facts.cause,
    })
    this.name = new.target.name
    this.server = facts.server
    this.reason = facts.reason
    this.logTail = logTail
    this.remedy = facts.remedy
  }
}

/** The images that containers need are neither on the engine nor can they be pulled. */
export class ImageUnavailableError extends StackStartError {}

/** A variable or option of the local stack has a value that it cannot have. */
export class StackSettingError extends Error {
  readonly code = 'FRESHET_STACK_SETTING'
  readonly setting: string
  readonly value: string

  constructor(setting: string, value: string, expected: string) {
    super(`${setting} is '${value}', but must be ${expected}.`)
    this.name = 'StackSettingError'
    this.setting = setting
    this.value = value
  }
}
