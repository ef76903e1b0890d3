import { afterAll, beforeAll, expect, it } from 'vitest'
import { Scene } from '../src/faults/scene.js'

let scene: Scene

beforeAll(async () => {
  scene = await Scene.open({ apis: 1 })
})

afterAll(() => scene?.close())

it('a process whose clock is an hour off turns blind, serves from the source, and nothing is stale', async () => {
  const shift = 'const now = Date.now; Date.now = () => now() + 3600000'
  const wrong = await scene.system.launch('members-api', {
    NODE_OPTIONS: `--import "data:text/javascript,${encodeURIComponent(shift)}"`,
  })
  await wrong.process.ready()
  const layers = new Set<string>()
  await scene.survives('a clock an hour off', async () => {
    for (let round = 0; round < 200; round++) {
      const response = await fetch(`${wrong.url}/members/${1 + (round % 20)}/balance`)
      await response.text()
      layers.add(/detail=(l[12])\b/.exec(response.headers.get('cache-status') ?? '')?.[1] ?? 'source')
    }
  })
  expect([...layers]).toEqual(['source'])
  const response = await fetch(`${wrong.url}/demo/counters`)
  expect(await response.text()).toContain('clock-skew')
})
