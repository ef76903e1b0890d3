import { runService } from '@freshet/service-kit'
import { cacheWarmer } from './cache-warmer.js'

await runService(cacheWarmer)
