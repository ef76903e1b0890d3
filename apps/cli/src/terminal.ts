import { createInterface } from 'node:readline/promises'

/** Where a command writes: results to one stream, what accompanies them to the other. */
export interface Terminal {
  /** A line of the result. */
  print(line: string): void
  /** A line about what happens. */
  note(line: string): void
  /** Draws a line over the one that it drew before; an empty one takes it away. Absent where nobody would see it. */
  readonly status?: (line: string) => void
  /** Asks a question that `y` says yes to. Absent where nobody is there to answer. */
  confirm?(question: string): Promise<boolean>
}

/** Writes to the process's streams. */
export function terminalOf(out: NodeJS.WriteStream, aside: NodeJS.WriteStream): Terminal {
  let drawn = ''
  const draw = (line: string): void => void aside.write(`\r\u001b[K${line.slice(0, (aside.columns || 80) - 1)}`)
  const aboveStatus = (write: () => void): void => {
    if (drawn !== '') draw('')
    write()
    if (drawn !== '') draw(drawn)
  }
  return {
    print: (line) => aboveStatus(() => out.write(`${line}\n`)),
    note: (line) => aboveStatus(() => aside.write(`${line}\n`)),
    ...(process.stdin.isTTY && { confirm: askPerson }),
    ...(aside.isTTY && {
      status: (line: string) => {
        if (line !== '' || drawn !== '') draw(line)
        drawn = line
      },
    }),
  }
}

async function askPerson(question: string): Promise<boolean> {
  const dialogue = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^y(es)?$/i.test((await dialogue.question(question)).trim())
  } finally {
    dialogue.close()
  }
}

export const processTerminal: Terminal = terminalOf(process.stdout, process.stderr)
