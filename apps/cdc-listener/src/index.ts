export { Listener, type ListenerOccurrences, type ListenerOptions } from './listener.js'
export { describePreflightFault, preflight, PreflightError, type PreflightFault } from './preflight/preflight.js'
export { cdcListener } from './service.js'
