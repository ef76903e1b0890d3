/** One thing wrong with the environment. */
export interface ConfigurationFault {
  readonly variable: string
  readonly problem: string
  /** What to do. */
  readonly fix: string
}

/** The environment cannot be used; says everything that is wrong with it at once. */
export class ConfigurationError extends Error {
  readonly code = 'CONFIGURATION_INVALID'
  /** EX_CONFIG of sysexits.h. */
  readonly exitCode = 78

  constructor(readonly faults: readonly ConfigurationFault[]) {
    const width = Math.max(...faults.map(({ variable }) => variable.length))
    const lines = faults.map(({ variable, problem, fix }) => `  ${variable.padEnd(width)}  ${problem}; ${fix}`)
    const count = faults.length === 1 ? 'one fault' : `${faults.length} faults`
    super(`${count} in the environment:\n${lines.join('\n')}`)
    this.name = 'ConfigurationError'
  }
}
