// Images where the official ones cannot be pulled: libs/local-stack/images/build.sh makes them.
import { mkdtemp, copyFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run, runs } from './run.mjs'

/** The local image of that name if the engine has it, else the official one. */
export async function imageOf(name, official) {
  const local = `freshet-local/${name}`
  return (await runs('docker', ['image', 'inspect', local])) ? local : official
}

/**
 * An image to build the services on, whose npm reaches the registry that npm uses here: where that needs a certificate
 * (NODE_EXTRA_CA_CERTS, or npm's `cafile`), or is not the public one, an image is derived that knows.
 */
export async function nodeImage() {
  const base = process.env.NODE_IMAGE ?? (await imageOf('node', 'node:24-bookworm-slim'))
  const setting = async (name) => (await run('npm', ['config', 'get', name])).trim()
  const cafile = process.env.NODE_EXTRA_CA_CERTS ?? (await setting('cafile'))
  const registry = await setting('registry')
  const hasCertificate = cafile !== '' && cafile !== 'null'
  const isPublic = registry === 'https://registry.npmjs.org/'
  if (!hasCertificate && isPublic) return base

  const context = await mkdtemp(join(tmpdir(), 'freshet-node-'))
  try {
    const lines = [`FROM ${base}`]
    if (hasCertificate) {
      await copyFile(cafile, join(context, 'certificates.pem'))
      lines.push('COPY certificates.pem /etc/npm-certificates.pem', 'ENV NODE_EXTRA_CA_CERTS=/etc/npm-certificates.pem')
    }
    if (!isPublic) lines.push(`ENV npm_config_registry=${registry}`)
    await writeFile(join(context, 'Dockerfile'), lines.join('\n'))
    await run('docker', ['build', '--tag', 'freshet-local/node-with-registry', context])
    return 'freshet-local/node-with-registry'
  } finally {
    await rm(context, { recursive: true })
  }
}
