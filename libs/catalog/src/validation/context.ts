import type { Template, Wildcard } from '@freshet/cache-keys'
import type { Fault, FaultCode } from '../fault.js'
import { pathText } from './path.js'
import type { Parts } from './shape.js'

/** A place in the JSON. */
export type Path = readonly PropertyKey[]

/** What the checks share: the declarations, what was parsed of them, and the faults found so far. */
export interface Context {
  readonly parts: Parts
  /** Templates whose text can be read, by name. */
  readonly templates: Map<string, Template>
  /** Every wildcard that a rule or template declares and that can be read, by text. */
  readonly wildcards: Map<string, Wildcard>
  readonly faults: Fault[]
  readonly fault: (code: FaultCode, path: Path, message: string, fix?: { fix?: string }) => void
}

export function contextOf(parts: Parts, faults: readonly Fault[]): Context {
  const found = [...faults]
  return {
    parts,
    templates: new Map(),
    wildcards: new Map(),
    faults: found,
    fault: (code, path, message, fix) => found.push({ code, path: pathText(path), message, ...fix }),
  }
}
