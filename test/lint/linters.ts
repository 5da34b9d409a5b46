// All linters.
import type { Linter } from './finding.ts'
import { checkov } from './linters/checkov.ts'
import { hadolint } from './linters/hadolint.ts'
import { kubeScore } from './linters/kube-score.ts'
import { kubeconform } from './linters/kubeconform.ts'
import { kubectlValidate } from './linters/kubectl-validate.ts'
import { promtool } from './linters/promtool.ts'
import { shellcheck } from './linters/shellcheck.ts'
import { yamllint } from './linters/yamllint.ts'

/** The one that takes longest first. */
export const linters: readonly Linter[] = [checkov, kubectlValidate, kubeconform, kubeScore, yamllint, promtool, hadolint, shellcheck]
