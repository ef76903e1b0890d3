import { describeFault, type Validation } from '@freshet/catalog'
import type { Terminal } from '../terminal.js'

/** Prints every fault, or the doubts about a catalog that is good; true when it is. */
export function printJudgement(terminal: Terminal, source: string, judged: Validation): boolean {
  if (judged.faults) {
    terminal.print(`${source}: ${judged.faults.length} ${judged.faults.length === 1 ? 'fault' : 'faults'}`)
    for (const fault of judged.faults) terminal.print(`  ${describeFault(fault)}`)
    return false
  }
  const { owner, version, fingerprint } = judged.catalog
  terminal.print(`${source}: ${owner}@${version} is valid (${fingerprint})`)
  for (const warning of judged.warnings) terminal.print(`  warning: ${describeFault(warning)}`)
  return true
}
