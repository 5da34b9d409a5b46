// The completion of `kubectl postscreen`: kubectl asks the program kubectl_complete-postscreen
// (https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/).
import type { CompletionModel } from './model.ts'
import { wordsFunction } from './words.ts'

/** A program for sh. Its last line is the directive of cobra: 0 completes files, 4 does not, 16 completes folders. */
export const kubectlScript = (model: CompletionModel): string => `#!/bin/sh
# Completion of kubectl postscreen: kubectl runs this with the words after "postscreen".
${wordsFunction(model)}
found=$(__postscreen_words "$@")
case $found in
  :file) echo :0 ;;
  :folder) echo :16 ;;
  *)
    [ -z "$found" ] || printf '%s\\n' "$found"
    echo :4
    ;;
esac
`
