// Prepares text from a pod for a status that people and programs read.

import { everyActing } from '../../crds/values/visible-text.ts'

const longest = 500

/**
 * The beginning of a text, as one line without invisible characters or characters that affect a terminal. Its end is
 * never half of a surrogate pair: the API server would replace that, so the status would always differ from what was
 * written.
 */
export const oneLine = (text: string): string => text.slice(0, longest).toWellFormed().replace(everyActing, ' ')
