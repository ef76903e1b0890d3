import { runService } from '@freshet/service-kit'
import { membersApi } from './members-api.js'

await runService(membersApi)
