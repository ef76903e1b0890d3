import { StandardSchemaValidationPipe, type ArgumentMetadata } from '@nestjs/common'
import { badRequest, Problem, type FaultyField } from './problem.js'

interface Issue {
  readonly message: string
  readonly path?: ReadonlyArray<PropertyKey | { readonly key: PropertyKey }> | undefined
  /** Zod names what it did not expect here instead of in the path. */
  readonly keys?: readonly string[]
}

/** Validates every `{ schema }` of a handler; a refusal names all faulty fields at once. */
export class Validation extends StandardSchemaValidationPipe {
  constructor() {
    super({
      validateCustomDecorators: true,
      exceptionFactory: (issues: readonly Issue[]) => new InvalidRequest(issues.flatMap(faultsOf)),
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

function faultsOf({ message, path = [], keys }: Issue): FaultyField[] {
  const at = path.map((step) => String(typeof step === 'object' ? step.key : step))
  const fields = keys === undefined ? [at] : keys.map((key) => [...at, key])
  return fields.map((field) => ({ field: field.join('.'), detail: keys === undefined ? message : 'unknown field' }))
}
