/**
 * All results; or, once every promise has settled, the first error, with `abort` told at once so that the others end early.
 * The wait matters: what a late one started must be known before it is cleaned up.
 */
export async function firstFailureStopsAll<T extends readonly unknown[]>(
  abort: AbortController,
  promises: { readonly [K in keyof T]: Promise<T[K]> },
): Promise<T> {
  const failures: unknown[] = []
  const noted = promises.map((promise) =>
    promise.catch((error: unknown) => {
      failures.push(error)
      abort.abort(error)
    }),
  )
  await Promise.all(noted)
  if (failures.length > 0) throw failures[0]
  return Promise.all(promises)
}
