import { spawn } from 'node:child_process'

/** How a server is best ended when nobody is left to wait for it. */
export type EndSignal = 'SIGQUIT' | 'SIGKILL'

/** Ends watched processes and removes their folder if this process dies without having done so. */
export interface Guard {
  watch(pid: number, signal: EndSignal): void
  forget(pid: number): void
  /** Sends the guard home: nothing is left to watch. */
  release(): Promise<void>
}

/**
 * A shell that reads what to watch from its standard input. The end of input means that this process is gone, however
 * it died (exit handlers do not run on SIGKILL). It lives in a session of its own, so that Ctrl-C does not end it first.
 */
const script = `
trap '' HUP INT TERM
watched=
while read -r verb pid signal; do
  case $verb in
    watch) watched="$watched $pid:$signal" ;;
    forget)
      kept=
      for entry in $watched; do [ "\${entry%%:*}" = "$pid" ] || kept="$kept $entry"; done
      watched=$kept ;;
    release) exit 0 ;;
  esac
done
for entry in $watched; do
  kill -s "\${entry##*:}" "\${entry%%:*}"
  kill -s CONT "\${entry%%:*}"
done
for entry in $watched; do
  tries=0
  while kill -0 "\${entry%%:*}" && [ $tries -lt 100 ]; do sleep 0.1; tries=$((tries + 1)); done
done
rm -rf "$1" || { sleep 1; rm -rf "$1"; }
`

export function startGuard(folder: string): Guard {
  const shell = spawn('/bin/sh', ['-c', script, 'freshet-stack-guard', folder], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  const gone = new Promise<void>((resolve) => shell.once('close', () => resolve()))
  shell.on('error', () => undefined) // without a shell there is no guard, which must not stop the stack
  shell.stdin.on('error', () => undefined)
  shell.unref()
  const tell = (line: string) => void shell.stdin.write(`${line}\n`)
  return {
    watch: (pid, signal) => tell(`watch ${pid} ${signal.slice('SIG'.length)}`),
    forget: (pid) => tell(`forget ${pid}`),
    release: async () => {
      tell('release')
      shell.stdin.end()
      shell.ref()
      await gone
    },
  }
}
