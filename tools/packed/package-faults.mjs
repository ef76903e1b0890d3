// What would make a package useless once it is published, as found in its tarball.
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { run } from '../run.mjs'

/** Every fault of every package; `packages` is what `npm pack --json` printed, and the tarballs lie in `folder`. */
export async function faultsOf(packages, folder) {
  const names = packages.map(({ name }) => name)
  const faults = await Promise.all(packages.map((packed) => faultsOfOne(packed, folder, names)))
  return faults.flat()
}

async function faultsOfOne({ name, filename, files }, folder, names) {
  const tarball = join(folder, filename)
  const read = (path) =>
    run('tar', ['--extract', '--to-stdout', '--file', tarball, ...path.map((one) => `package/${one}`)])
  const manifest = JSON.parse(await read(['package.json']))
  const paths = files.map(({ path }) => path)
  const code = paths.filter((path) => /\.(js|d\.ts)$/.test(path))
  const source = code.length === 0 ? '' : await read(code)
  const declared = { ...manifest.dependencies, ...manifest.peerDependencies, ...manifest.optionalDependencies }
  return [
    ...(manifest.engines?.node === '>=22.22' ? [] : ['engines.node is not >=22.22']),
    ...(manifest.type === 'module' ? [] : ['it is no ES module']),
    ...(manifest.license ? [] : ['it names no license']),
    ...missingTargets(manifest, paths).map((target) => `${target} is exported, but not in the tarball`),
    ...paths.filter((path) => /tsbuildinfo|^test\//.test(path)).map((path) => `${path} is of no use to anyone`),
    ...[...importedPackages(source)]
      .filter((one) => one !== name && !(one in declared))
      .map((one) => `${one} is imported, but not declared`),
    ...Object.keys(declared)
      .filter((one) => one.startsWith('@freshet/') && !names.includes(one))
      .map((one) => `${one} is needed, but private`),
  ].map((fault) => `  ${name}: ${fault}`)
}

/** Files that `exports` and `bin` promise. */
function missingTargets({ exports, bin }, paths) {
  const targets = []
  const collect = (value) => {
    if (typeof value === 'string') return targets.push(value)
    for (const target of Object.values(value)) collect(target)
  }
  collect(exports)
  if (bin) collect(bin)
  return targets.filter((target) => !paths.includes(target.replace(/^\.\//, '')))
}

/** Names of packages that code or types import. */
function importedPackages(source) {
  const specifier = /(?:\bfrom\s*|\bimport\s*\(?\s*)(['"])((?:@[\w.-]+\/)?[a-z][\w.-]*)(?:\/[\w./-]*)?\1/g
  const names = [...source.matchAll(specifier)].map(([, , name]) => name)
  return new Set(names.filter((name) => !builtinModules.includes(name)))
}
