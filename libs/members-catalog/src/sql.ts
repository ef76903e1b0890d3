/** One statement with its parameters; `name` lets the driver keep it prepared. */
export interface SqlStatement {
  readonly name: string
  readonly text: string
  readonly values: unknown[]
}

/** What loaders need of a database: a `Pool` or `Client` of pg is one. */
export interface Sql {
  query<Row extends object>(statement: SqlStatement): Promise<{ rows: Row[] }>
}

/**
 * The conditions of a statement, numbered as they are added. Only given filters are added, so that each combination
 * is a statement of its own with the plan that fits it; `shape` tells the combinations apart.
 */
export class Conditions {
  readonly values: unknown[] = []
  private readonly parts: string[] = []
  private readonly columns: string[] = []

  /** Adds `<expression> $n` and binds `value` to it; an undefined value adds nothing. */
  and(column: string, operator: string, value: unknown): this {
    if (value === undefined) return this
    this.parts.push(`${column} ${operator} ${this.bind(value)}`)
    this.columns.push(column)
    return this
  }

  /** Binds a value that stands outside the conditions (limit, offset) and returns its `$n`. */
  bind(value: unknown): string {
    return `$${this.values.push(value)}`
  }

  get where(): string {
    return this.parts.length === 0 ? 'true' : this.parts.join(' and ')
  }

  get shape(): string {
    return this.columns.join('+')
  }
}
