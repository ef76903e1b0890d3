import { createInterface } from 'node:readline/promises'

/** Where a command writes: results to one stream, what accompanies them to the other. */
export interface Terminal {
  /** A line of the result. */
  print(line: string): void
  /** A line about what happens. */
  note(line: string): void
  /** Asks a question that `y` says yes to. Absent where nobody is there to answer. */
  confirm?(question: string): Promise<boolean>
}

export const processTerminal: Terminal = {
  print: (line) => void process.stdout.write(`${line}\n`),
  note: (line) => void process.stderr.write(`${line}\n`),
  ...(process.stdin.isTTY && { confirm: askPerson }),
}

async function askPerson(question: string): Promise<boolean> {
  const dialogue = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await dialogue.question(question)).trim())
  } finally {
    dialogue.close()
  }
}
