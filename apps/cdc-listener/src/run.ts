import { runService } from '@freshet/service-kit'
import { cdcListener } from './service.js'

await runService(cdcListener)
