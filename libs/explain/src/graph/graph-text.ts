import type { DependencyGraph, GraphNode } from '@freshet/planner'

/** How a graph can be written. */
export const graphFormats = ['mermaid', 'dot', 'json'] as const

export type GraphFormat = (typeof graphFormats)[number]

/** The graph as text for people's tools. */
export function graphText(graph: DependencyGraph, format: GraphFormat): string {
  switch (format) {
    case 'json':
      return JSON.stringify(graph, undefined, 2)
    case 'mermaid':
      return mermaid(graph)
    case 'dot':
      return dot(graph)
  }
}

const shapes: Readonly<Record<GraphNode['kind'], readonly [open: string, close: string]>> = {
  table: ['[(', ')]'],
  event: ['([', '])'],
  template: ['[', ']'],
}

function mermaid({ nodes, edges }: DependencyGraph): string {
  const names = new Map(nodes.map(({ id }, at) => [id, `n${at}`]))
  return [
    'flowchart LR',
    ...nodes.map(({ kind, label }, at) => {
      const [open, close] = shapes[kind]
      return `  n${at}${open}"${escaped(label)}"${close}`
    }),
    ...edges.map(({ from, to, kind, label }) => {
      const arrow = kind === 'rule' ? '-->' : '-.->'
      return `  ${names.get(from)} ${arrow}|"${escaped(label)}"| ${names.get(to)}`
    }),
  ].join('\n')
}

/** What Mermaid would take for markup. */
const escaped = (text: string): string => text.replace(/["#<>{}]/g, (character) => `#${character.charCodeAt(0)};`)

const dotShapes: Readonly<Record<GraphNode['kind'], string>> = { table: 'cylinder', event: 'oval', template: 'box' }

function dot({ nodes, edges }: DependencyGraph): string {
  return [
    'digraph freshet {',
    '  rankdir=LR',
    ...nodes.map(({ id, kind, label }) => `  ${quoted(id)} [label=${quoted(label)}, shape=${dotShapes[kind]}]`),
    ...edges.map(({ from, to, kind, label }) => {
      const style = kind === 'rule' ? '' : ', style=dashed'
      return `  ${quoted(from)} -> ${quoted(to)} [label=${quoted(label)}${style}]`
    }),
    '}',
  ].join('\n')
}

const quoted = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`
