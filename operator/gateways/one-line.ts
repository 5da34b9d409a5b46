// Text from a pod, on its way into a status that people and programs read.

import { everyActing } from '../../crds/values/visible-text.ts'

const longest = 500

/**
 * The beginning of a text, as one line without characters that act on a terminal or cannot be seen. No half of a
 * character is left at its end: the API server would write that in another way, and the status would never be as it was
 * written.
 */
export const oneLine = (text: string): string => text.slice(0, longest).toWellFormed().replace(everyActing, ' ')
