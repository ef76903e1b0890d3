import { setTimeout as delay } from 'node:timers/promises'
import type { TcpProxy } from '@freshet/testing/live'
import type { By, CacheProcess, Layers, Library, Load } from './library.js'
import type { Rows } from './rows.js'

/** Two processes of one library, each with a gate before its Redis. */
export interface Scene {
  readonly library: Library
  readonly rows: Rows
  readonly layers: Layers
  readonly writer: CacheProcess
  readonly other: CacheProcess
  readonly writerGate: TcpProxy
  readonly otherGate: TcpProxy
}

export interface Case {
  readonly name: string
  readonly layers: Layers
  /** What the library has to have. */
  readonly needs?: (library: Library) => boolean
  /** What happens to a row that was just made; it holds version 2 at the end, and all processes have been told. */
  readonly happens: (scene: Scene, id: number) => Promise<void>
  readonly by: By
  readonly tagIsLate?: boolean
}

/** When the invalidation comes. */
type Moment = 'before the load returns' | 'between load and store' | 'during the store'
const moments: readonly Moment[] = ['before the load returns', 'between load and store', 'during the store']
const STORE_MS = 400

/** A load that has read its row, and returns when it is told to. */
function paused(load: Load): { readonly load: Load; readonly hasRead: Promise<void>; readonly goOn: () => void } {
  const read = Promise.withResolvers<void>()
  const gate = Promise.withResolvers<void>()
  return {
    load: async (from) => {
      const row = await load(from)
      read.resolve()
      await gate.promise
      return row
    },
    hasRead: read.promise,
    goOn: gate.resolve,
  }
}

const race =
  (moment: Moment, by: By, filling: 'writer' | 'other', tagIsLate = false): Case['happens'] =>
  async ({ rows, layers, writer, other, writerGate, otherGate }, id) => {
    const [filler, gate] = filling === 'writer' ? [writer, writerGate] : [other, otherGate]
    const slow = paused(rows.loading(id))
    const store = gate.holdNext(rows.markOf(id, 1))
    const fill = filler.read({ id, by, tagIsLate, load: slow.load, from: 'primary' })
    await slow.hasRead
    await rows.change(id)
    switch (moment) {
      case 'before the load returns':
        store.release()
        await writer.invalidate(id, by)
        slow.goOn()
        break
      case 'between load and store': {
        store.release()
        slow.goOn()
        await writer.invalidate(id, by)
        break
      }
      case 'during the store':
        slow.goOn()
        // a memory stores at once; a library may also have seen by now that it should not store
        if (layers === 'l1') await Promise.resolve()
        else await Promise.race([store.reached, delay(STORE_MS)])
        {
          const told = writer.invalidate(id, by) // may stand behind the held command on its connection
          await Promise.race([told, delay(STORE_MS)])
          store.release()
          await told
        }
    }
    await fill
  }

const needsTags = ({ tags }: Library): boolean => tags !== 'none'
const needsLateTags = ({ tags }: Library): boolean => tags === 'late' || tags === 'early and late'

const matrix: readonly Case[] = (['l1', 'l1+l2'] as const).flatMap((layers) =>
  (['key', 'tag'] as const).flatMap((by) =>
    moments.map((moment) => ({
      name: `by ${by}, ${moment}`,
      layers,
      by,
      ...(by === 'tag' && { needs: needsTags }),
      happens: race(moment, by, 'writer'),
    })),
  ),
)

const secondProcess: readonly Case[] = (['key', 'tag'] as const).flatMap((by) =>
  moments.map((moment) => ({
    name: `a second process fills; by ${by}, ${moment}`,
    layers: 'l1+l2' as const,
    by,
    ...(by === 'tag' && { needs: needsTags }),
    happens: race(moment, by, 'other'),
  })),
)

export const cases: readonly Case[] = [
  ...matrix,
  ...secondProcess,
  {
    name: 'a filler is paused until another has filled anew',
    layers: 'l1+l2',
    by: 'key',
    happens: async ({ rows, writer, other }, id) => {
      const slow = paused(rows.loading(id))
      const fill = other.read({ id, by: 'key', load: slow.load, from: 'primary' })
      await slow.hasRead
      await rows.change(id)
      await writer.invalidate(id, 'key')
      await writer.read({ id, by: 'key', load: rows.loading(id), from: 'primary' })
      await delay(1_000)
      slow.goOn()
      await fill
    },
  },
  {
    name: 'a tag is first seen during the fill',
    layers: 'l1+l2',
    by: 'tag',
    tagIsLate: true,
    needs: needsLateTags,
    happens: race('before the load returns', 'tag', 'other', true),
  },
  {
    name: 'a change is decoded before readers see it',
    layers: 'l1+l2',
    by: 'key',
    happens: async ({ rows, writer, other }, id) => {
      await writer.invalidate(id, 'key')
      const { show } = await rows.changeUnseen(id)
      await writer.invalidate(id, 'key', false)
      await other.read({ id, by: 'key', load: rows.loading(id), from: 'primary' })
      await show()
    },
  },
  {
    name: 'loads come from a standby that lags',
    layers: 'l1+l2',
    by: 'key',
    happens: async ({ rows, writer, other }, id) => {
      const { resume } = await rows.pauseStandby()
      await rows.change(id)
      await writer.invalidate(id, 'key')
      await other.read({ id, by: 'key', load: rows.loading(id), from: 'standby' })
      await resume()
    },
  },
  {
    name: 'a crash between commit and invalidation',
    layers: 'l1+l2',
    by: 'key',
    happens: async ({ library, rows, writer, other }, id) => {
      for (const process of [writer, other])
        await process.read({ id, by: 'key', load: rows.loading(id), from: 'primary' })
      const commit = (): Promise<void> => rows.change(id)
      if (!library.crashed) return commit()
      await library.crashed(commit)
      await writer.invalidate(id, 'key')
    },
  },
]
