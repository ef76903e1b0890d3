/** The candidate that was probably meant: the one with the fewest edits, if they are few for its length. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined
  let fewest = Math.floor(word.length / 4) + 1
  for (const candidate of candidates) {
    const edits = editDistance(word, candidate)
    if (edits >= fewest) continue
    fewest = edits
    best = candidate
  }
  return best
}

/** Levenshtein's distance, by rows (Wagner and Fischer, 1974). */
function editDistance(one: string, other: string): number {
  let above = Array.from({ length: other.length + 1 }, (_, column) => column)
  for (let row = 1; row <= one.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= other.length; column += 1) {
      const replaced = (above[column - 1] ?? 0) + (one[row - 1] === other[column - 1] ? 0 : 1)
      current.push(Math.min(replaced, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1))
    }
    above = current
  }
  return above.at(-1) ?? 0
}
