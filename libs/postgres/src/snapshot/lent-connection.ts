import type pg from 'pg'

/**
 * Lends a connection of the pool to some work that needs more than one statement on it, and takes it back. `end` leaves it
 * as it was found; where it cannot, or the connection broke meanwhile, the pool replaces it.
 *
 * A connection that is lent out has no listener of the pool's: a server that ends it between two statements would end the
 * process.
 */
export async function withConnection<T>(
  pool: pg.Pool,
  work: (connection: pg.PoolClient) => Promise<T>,
  end: (connection: pg.PoolClient) => Promise<unknown> = async () => undefined,
): Promise<T> {
  let broken: Error | undefined
  const breaks = (error: Error): void => void (broken = error)
  const connection = await lend(pool, breaks)
  try {
    return await work(connection)
  } finally {
    await end(connection).catch(breaks)
    connection.off('error', breaks)
    connection.release(broken)
  }
}

/**
 * A connection that is listened to from the moment on at which the pool ceases to: the same bytes of the server that make
 * it ready may end it, and are read to their end before any promise is heard of.
 */
const lend = (pool: pg.Pool, breaks: (error: Error) => void): Promise<pg.PoolClient> =>
  new Promise((resolve, reject) => {
    pool.connect((error, connection) => {
      if (connection === undefined) return reject(error ?? new Error('the pool gave no connection'))
      connection.on('error', breaks)
      resolve(connection)
    })
  })
