export { cacheWarmer } from './cache-warmer.js'
export { LoaderModuleError, type LoaderModule, type LoaderSources } from './loader-module.js'
