import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { importLoaderModule, LoaderModuleError } from '../src/loader-module.js'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'freshet-loaders-'))
})
afterEach(() => rm(folder, { recursive: true }))

const moduleOf = async (source: string): Promise<string> => {
  await writeFile(join(folder, 'loaders.mjs'), source)
  return join(folder, 'loaders.mjs')
}

it('takes a path from where it was started, or a package', async () => {
  await moduleOf(`
    export const catalog = { owner: 'shop', fingerprint: 'f' }
    export const registerLoaders = () => undefined`)
  expect(await importLoaderModule('./loaders.mjs', folder)).toMatchObject({ catalog: { owner: 'shop' } })
})

it('says of a module what it lacks', async () => {
  const path = await moduleOf('export const catalog = {}')
  await expect(importLoaderModule(path, folder)).rejects.toThrow('it exports catalog; name a package')
  await expect(importLoaderModule('./none.mjs', folder)).rejects.toThrow(LoaderModuleError)
})
