/** The value below which a share (0 to 1) of the samples lie; undefined without samples. Nearest rank. */
export function percentile(samples: readonly number[], share: number): number | undefined {
  const sorted = [...samples].sort((left, right) => left - right)
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))]
}
