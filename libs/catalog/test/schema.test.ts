import { readFile } from 'node:fs/promises'
import { format } from 'prettier'
import { expect, it } from 'vitest'
import { z } from 'zod'
import { catalogJson } from '@freshet/catalog'

const published = new URL('../catalog.schema.json', import.meta.url)

it('the published JSON Schema is the one that validation uses (npx vitest run -u writes it anew)', async () => {
  const text = JSON.stringify(z.toJSONSchema(catalogJson, { io: 'input' }), null, 2)
  const schema = await format(text, { parser: 'json', printWidth: 120 })
  await expect(schema).toMatchFileSnapshot(published.pathname)
  const manifest = await readFile(new URL('../package.json', import.meta.url), 'utf8')
  expect(JSON.parse(manifest)).toMatchObject({
    files: expect.arrayContaining(['dist', 'catalog.schema.json']) as string[],
    exports: { './catalog.schema.json': './catalog.schema.json' },
  })
})
