import { StandardSchemaValidationPipe, type ArgumentMetadata } from '@nestjs/common'
import { badRequest, Problem, type FaultyField } from './problem.js'

interface Issue {
  readonly message: string
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined
  readonly code?: string
  /** Zod names what it did not expect here instead of in the path. */
  readonly keys?: readonly string[]
  /** What each member of a union has against the value, under the union's path. */
  readonly errors?: readonly (readonly Issue[])[]
}

/** Validates every `{ schema }` of a handler; a refusal names all faulty fields at once. */
export class Validation extends StandardSchemaValidationPipe {
  constructor() {
    super({
      validateCustomDecorators: true,
      exceptionFactory: (issues: readonly Issue[]) => new InvalidRequest(issues.flatMap(meant).flatMap(faultsOf)),
    })
  }

  override async transform<T>(value: T, metadata: ArgumentMetadata): Promise<T> {
    try {
      return await super.transform(value, metadata)
    } catch (error) {
      // of a single parameter, such as `:id`, the issues do not know the name
      throw error instanceof InvalidRequest && metadata.data !== undefined ? error.inside(metadata.data) : error
    }
  }
}

class InvalidRequest extends Problem {
  constructor(private readonly errors: readonly FaultyField[]) {
    super(badRequest(errors).details)
  }

  inside(parameter: string): InvalidRequest {
    return new InvalidRequest(
      this.errors.map(({ field, detail }) => ({ field: field === '' ? parameter : `${parameter}.${field}`, detail })),
    )
  }
}

/**
 * Of a union that nothing fits the faults against the member that was probably meant: of the right type, with the fewest
 * unknown fields, and the fewest faults.
 */
function meant(issue: Issue): readonly Issue[] {
  const { errors = [], path = [] } = issue
  const members = errors.map((member) => member.flatMap(meant))
  const [nearest] = members.toSorted(
    (one, other) =>
      Number(isOfOtherType(one)) - Number(isOfOtherType(other)) ||
      unknownFields(one) - unknownFields(other) ||
      one.length - other.length,
  )
  if (nearest === undefined || isOfOtherType(nearest)) return [issue]
  return nearest.map((each) => ({ ...each, path: [...path, ...(each.path ?? [])] }))
}

const isOfOtherType = (faults: readonly Issue[]): boolean =>
  faults.some(({ code, path = [] }) => path.length === 0 && (code === 'invalid_type' || code === 'invalid_union'))

const unknownFields = (faults: readonly Issue[]): number => faults.reduce((sum, { keys = [] }) => sum + keys.length, 0)

function faultsOf({ message, path = [], keys }: Issue): FaultyField[] {
  const at = path.map((step) => String(typeof step === 'object' ? step.key : step))
  const fields = keys === undefined ? [at] : keys.map((key) => [...at, key])
  return fields.map((field) => ({ field: field.join('.'), detail: keys === undefined ? message : 'unknown field' }))
}
