import { boundHeap } from './bounded-heap.js'

boundHeap()
const [{ runService }, { cdcListener }] = await Promise.all([import('@freshet/service-kit'), import('./service.js')])
await runService(cdcListener)
