import type { Catalog, CompiledTemplate } from '@freshet/catalog'

/** One derivation, seen from the template that it is computed from. */
export interface Edge {
  /** The derived template's node. */
  readonly to: number
  /** For each parameter of the derived template, in its order: the other's parameter that it is, or -1. */
  readonly parameterFrom: Int16Array
}

/**
 * The derivations of one catalog, templates numbered in its order. Edges lie in the rows of a sparse matrix (CSR): those of
 * node n are `starts[n]` to `starts[n + 1]`, and the parameters of edge e `parameterStarts[e]` to `parameterStarts[e + 1]`.
 */
export class DerivationGraph {
  readonly templates: readonly CompiledTemplate[]
  readonly #nodes: ReadonlyMap<string, number>
  readonly #starts: Uint32Array
  readonly #to: Uint32Array
  readonly #parameterStarts: Uint32Array
  readonly #parameterFrom: Int16Array

  constructor({ json, templates }: Catalog) {
    this.templates = [...templates.values()]
    this.#nodes = new Map(this.templates.map(({ name }, node) => [name, node]))
    const edges = (json.derivations ?? [])
      .map((derivation) => ({
        from: this.nodeOf(derivation.from),
        to: this.nodeOf(derivation.template),
        bindings: derivation.with ?? {},
      }))
      .sort((left, right) => left.from - right.from)
    this.#starts = new Uint32Array(this.templates.length + 1)
    this.#to = Uint32Array.from(edges, ({ to }) => to)
    this.#parameterStarts = new Uint32Array(edges.length + 1)
    const parameters: number[] = []
    for (const [edge, { from, to, bindings }] of edges.entries()) {
      this.#starts[from + 1] = edge + 1
      const sources = this.#at(from).template.parameters
      for (const name of this.#at(to).template.parameters) parameters.push(sources.indexOf(bindings[name] ?? ''))
      this.#parameterStarts[edge + 1] = parameters.length
    }
    for (let node = 1; node < this.#starts.length; node++)
      this.#starts[node] = Math.max(this.#starts[node] ?? 0, this.#starts[node - 1] ?? 0)
    this.#parameterFrom = Int16Array.from(parameters)
  }

  /** Throws RangeError for a template that the catalog does not have. */
  nodeOf(template: string): number {
    const node = this.#nodes.get(template)
    if (node === undefined) throw new RangeError(`the catalog has no template "${template}"`)
    return node
  }

  /** What is computed from the template, at one step. */
  *edgesFrom(node: number): Iterable<Edge> {
    for (let edge = this.#starts[node] ?? 0; edge < (this.#starts[node + 1] ?? 0); edge++)
      yield {
        to: this.#to[edge] ?? 0,
        parameterFrom: this.#parameterFrom.subarray(this.#parameterStarts[edge], this.#parameterStarts[edge + 1]),
      }
  }

  get edgeCount(): number {
    return this.#to.length
  }

  /** Memory of the arrays. */
  get bytes(): number {
    return [this.#starts, this.#to, this.#parameterStarts, this.#parameterFrom].reduce(
      (sum, { byteLength }) => sum + byteLength,
      0,
    )
  }

  #at(node: number): CompiledTemplate {
    const template = this.templates[node]
    if (template === undefined) throw new RangeError(`there is no node ${node}`)
    return template
  }
}
