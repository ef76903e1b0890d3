import { boundHeap } from './bounded-heap.js'

boundHeap()
await import('./run.js')
