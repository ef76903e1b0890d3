#!/usr/bin/env -S node --disable-warning=TimeoutNegativeWarning
import console from 'node:console'
import { existsSync } from 'node:fs'
import process from 'node:process'
import { URL } from 'node:url'

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 22 || (major === 22 && minor < 22)) {
  console.error(`freshet needs Node 22.22 or newer, this is ${process.version}; in a clone run it as \`npx freshet\`.`)
  process.exit(1)
}
const built = new URL('../dist/index.js', import.meta.url)
if (!existsSync(built)) {
  console.error('freshet is not built yet; run `npm run build` in the clone, then try again.')
  process.exit(1)
}
process.stdout.on('error', (error) => {
  if (error.code !== 'EPIPE') throw error // whoever read the output has seen enough
  process.exit(0)
})
const { main } = await import(built.href)
process.exitCode = await main(process.argv.slice(2), process.env)
