import type { CleanUp } from '../clean-up.js'
import { StackStartError } from '../errors.js'
import type { Endpoints } from '../server.js'
import type { StackSettings } from '../settings.js'

export async function startContainers(_settings: StackSettings, _cleanUp: CleanUp): Promise<Endpoints> {
  throw new StackStartError({ server: 'postgres', reason: 'no container engine answers', remedy: 'Start Docker.' })
}
