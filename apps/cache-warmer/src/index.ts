export { cacheWarmer } from './cache-warmer.js'
