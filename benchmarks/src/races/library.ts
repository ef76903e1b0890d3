/** What a loader read of a row. */
export interface Row {
  readonly id: number
  readonly version: number
  /** Unique to this row and version, so that it can be found in what goes to Redis. */
  readonly mark: string
}

/** How a value is reached when its row changes. */
export type By = 'key' | 'tag'
export type Layers = 'l1' | 'l1+l2'

export type Place = 'primary' | 'standby'

/** Reads a row there. */
export type Load = (from: Place) => Promise<Row>

export interface ReadRequest {
  readonly id: number
  readonly by: By
  /** The tag is known only once the row has been read. */
  readonly tagIsLate?: boolean
  readonly load: Load
  /** Where the loader is to read, if it can be left the choice. */
  readonly from: Place
}

/** One process with its cache. */
export interface CacheProcess {
  /** The cached row, or what its loader brings, the way the library's documentation says. */
  read(request: ReadRequest): Promise<Row>
  /**
   * The row has been changed, and committed: does what the library's documentation wants done then. Resolves once that is
   * done. `visible` is false where readers of the database do not see the commit yet.
   */
  invalidate(id: number, by: By, visible?: boolean): Promise<void>
  close(): Promise<void>
}

export interface ProcessOptions {
  readonly layers: Layers
  /** Through a gate where commands can be held. */
  readonly redisUrl: string
  /** Straight to the same Redis, for what processes tell each other. */
  readonly busUrl: string
  /** Names the installation: processes of one name share what they have. */
  readonly name: string
}

/** A cache library under test: the one small interface that each has to fill. */
export interface Library {
  readonly name: string
  /** Can values be tagged? Can a tag be named while a value is loaded? */
  readonly tags: 'early and late' | 'late' | 'early' | 'none'
  open(options: ProcessOptions): Promise<CacheProcess>
  /**
   * A process that has committed dies before it could invalidate. Does what brings the system back, as the library's
   * documentation says; most have nothing for it.
   */
  crashed?(commit: () => Promise<void>): Promise<void>
}

/** What a row's tag is called. */
export const tagOf = (id: number): string => `group:${id}`
