import { fileURLToPath } from 'node:url'
import { freshetCommand } from './freshet-command.js'

/** `freshet catalog register FIXTURE`; resolves with what it printed once the catalog is in force. */
export const registerCatalog = (fixture: string, environment: Readonly<Record<string, string>>): Promise<string> =>
  freshetCommand(
    ['catalog', 'register', fileURLToPath(new URL(`../fixtures/${fixture}`, import.meta.url))],
    environment,
  )
