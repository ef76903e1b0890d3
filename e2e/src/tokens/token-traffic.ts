/** What came of the requests. */
export interface TokenTally {
  writes: number
  /** Reads that carried a token and were answered. */
  reads: number
  /** By the layer that answered. */
  readonly layers: Record<'l1' | 'l2' | 'source', number>
  /** Answers from before the commit whose token they carried. */
  readonly older: string[]
  /** Requests without an answer, or with one other than 200. */
  readonly failures: string[]
}

export interface TokenTraffic {
  readonly urls: readonly string[]
  readonly members: number
  /** Writes and reads together. */
  readonly requests: number
  readonly workers?: number
  /** Called after each request. */
  readonly onRequest?: () => void
}

interface Commit {
  readonly member: number
  readonly version: number
  readonly token: string
}

/** Commits that a worker remembers: the first is older than every layer is behind, the last newer than most. */
const REMEMBERED = 100

/**
 * Members are renamed over HTTP to a version that only grows, each by one worker alone; and read on any instance with the
 * token that some earlier write answered with. One request in five writes.
 */
export async function tokenTraffic(traffic: TokenTraffic): Promise<TokenTally> {
  const { workers = 16 } = traffic
  const tally: TokenTally = { writes: 0, reads: 0, layers: { l1: 0, l2: 0, source: 0 }, older: [], failures: [] }
  let left = traffic.requests
  await Promise.all(
    Array.from({ length: workers }, async (_, worker) => {
      const mine = new Worker(traffic, tally, worker + 1, workers)
      for (let turn = 0; left > 0; turn++) {
        left -= 1
        await (turn % 5 === 0 ? mine.write(turn) : mine.read(turn)).catch((error: unknown) =>
          tally.failures.push(String(error)),
        )
        traffic.onRequest?.()
      }
    }),
  )
  return tally
}

class Worker {
  readonly #commits: Commit[] = []
  #version = 0

  constructor(
    private readonly traffic: TokenTraffic,
    private readonly tally: TokenTally,
    private readonly first: number,
    private readonly step: number,
  ) {}

  async write(turn: number): Promise<void> {
    const { members } = this.traffic
    const own = Math.max(1, Math.floor((members - this.first) / this.step))
    const member = this.first + this.step * (turn % own)
    const version = (this.#version += 1)
    const response = await fetch(`${this.url(turn)}/members/${member}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: `version ${version}` }),
    })
    await response.text()
    const token = response.headers.get('freshet-token')
    if (!response.ok || token === null) throw new Error(`PATCH: ${response.status}`)
    this.tally.writes += 1
    this.#commits.push({ member, version, token })
    if (this.#commits.length > REMEMBERED) this.#commits.shift()
  }

  async read(turn: number): Promise<void> {
    const { tally } = this
    // half of the reads follow the last write at once
    const back = turn % 2 === 0 ? 1 : 1 + Math.floor(Math.random() * this.#commits.length)
    const commit = this.#commits.at(-back)
    if (commit === undefined) return
    const url = `${this.url(turn + Math.floor(turn / 5))}/members/${commit.member}`
    const response = await fetch(url, { headers: { 'freshet-token': commit.token } })
    const text = await response.text()
    if (!response.ok) throw new Error(`GET: ${response.status} ${text}`)
    const { name } = JSON.parse(text) as { readonly name: string }
    const seen = Number(/^version (\d+)$/.exec(name)?.[1] ?? 0)
    const status = response.headers.get('cache-status') ?? ''
    const layer = /detail=(l[12])\b/.exec(status)?.[1] ?? 'source'
    tally.reads += 1
    tally.layers[layer as 'l1' | 'l2' | 'source'] += 1
    if (seen < commit.version)
      tally.older.push(`${url}: version ${seen} for the token of ${commit.version} (${status})`)
  }

  private url(turn: number): string {
    const { urls } = this.traffic
    return urls[turn % urls.length] ?? ''
  }
}
