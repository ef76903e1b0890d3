import type { Cache, Reading } from '@freshet/cache'
import type { TypedKey } from '@freshet/catalog'

/** A client that shows its layers, key by key, without loading, filling or counting. */
export interface LayerView {
  /** What the layer would serve now; undefined where it holds nothing that it may serve. */
  peek(layer: 'l1' | 'l2', key: TypedKey): Promise<Reading<unknown> | undefined>
  keysInL1(): readonly TypedKey[]
}

/** Throws LayersHiddenError when the client is of a version that shows none. */
export function layersOf(cache: Cache): LayerView {
  if (!showsLayers(cache)) throw new LayersHiddenError()
  return cache
}

const showsLayers = (cache: object): cache is LayerView => 'peek' in cache && 'keysInL1' in cache

/** The demo's endpoints were asked for, and the installed client has nothing to show there. */
export class LayersHiddenError extends Error {
  readonly code = 'LAYERS_HIDDEN'
  constructor() {
    super('@freshet/cache has no peek and keysInL1; install a version that has them, or leave FRESHET_DEMO out')
    this.name = 'LayersHiddenError'
  }
}
