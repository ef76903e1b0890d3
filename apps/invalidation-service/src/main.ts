import { runService } from '@freshet/service-kit'
import { invalidationService } from './service.js'

await runService(invalidationService)
