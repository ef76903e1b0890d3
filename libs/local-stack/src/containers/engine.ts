import { StackStartError } from '../errors.js'

/** An image is neither on the engine nor can it be pulled. */
export class ImageUnavailableError extends StackStartError {}

/** Whether a container engine answers on this machine. */
export async function containerEngineAnswers(): Promise<boolean> {
  return false
}
