/** A promise that rejects with the reason once the signal is aborted; harmless when nobody waits for it. */
export function rejectionOf(signal: AbortSignal): Promise<never> {
  const rejection = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error)
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true })
  })
  rejection.catch(() => undefined)
  return rejection
}
