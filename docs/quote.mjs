// Keeps what README and docs quote equal to the files that the tests run. A fenced block is a quotation when a path stands
// behind its language: ```ts docs/examples/catalog.ts, or with one region of the file: ```ts docs/examples/shop.ts#rules.
//
//   node docs/quote.mjs           writes the files' text into the blocks
//   node docs/quote.mjs --check   exits 1 and names each block that differs
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'

const root = fileURLToPath(new URL('..', import.meta.url))
const block = /^```(\S+) (\S+)\n(.*?)^```$/gms

/** The file's text, or that between `// #region NAME` and `// #endregion`, as Prettier writes it in a document. */
async function quoted(reference) {
  const [path, region] = reference.split('#')
  const text = await readFile(join(root, path), 'utf8')
  if (region === undefined) return formatted(text, path)
  const lines = text.split('\n')
  const from = lines.findIndex((line) => line.trim() === `// #region ${region}`)
  const length = lines.slice(from + 1).findIndex((line) => line.trim() === '// #endregion')
  if (from === -1 || length === -1) throw new Error(`${path} has no region "${region}"`)
  const inside = lines.slice(from + 1, from + 1 + length)
  return formatted(inside.join('\n'), path)
}

const formatted = async (text, path) =>
  format(text, { ...(await resolveConfig(join(root, 'README.md'))), filepath: path })

const documents = (await readdir(join(root, 'docs'), { recursive: true })).filter((name) => name.endsWith('.md'))
const differing = []
let count = 0
for (const path of ['README.md', ...documents.map((name) => `docs/${name}`).sort()]) {
  let text = await readFile(join(root, path), 'utf8')
  for (const [whole, language, reference, written] of text.matchAll(block)) {
    count += 1
    const wanted = await quoted(reference)
    if (written === wanted) continue
    differing.push(`${path}: ${reference}`)
    text = text.replace(whole, () => `\`\`\`${language} ${reference}\n${wanted}\`\`\``)
  }
  if (!process.argv.includes('--check')) await writeFile(join(root, path), text)
}
if (process.argv.includes('--check') && differing.length > 0) {
  console.error(`These quotations differ from their files; run "node docs/quote.mjs":\n  ${differing.join('\n  ')}`)
  process.exitCode = 1
} else console.log(`${count} quotations, ${differing.length} written anew`)
