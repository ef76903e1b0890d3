export { formatSnapshot, isVisible, parseSnapshot, type Snapshot } from './snapshot.js'
