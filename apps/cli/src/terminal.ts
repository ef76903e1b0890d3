/** Where a command writes: results to one stream, what accompanies them to the other. */
export interface Terminal {
  /** A line of the result. */
  print(line: string): void
  /** A line about what happens. */
  note(line: string): void
}

export const processTerminal: Terminal = {
  print: (line) => void process.stdout.write(`${line}\n`),
  note: (line) => void process.stderr.write(`${line}\n`),
}
