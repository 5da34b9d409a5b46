// Which files of the program the figures of a case depend on.

/** Everything that runs in a gateway process. */
export const gatewayCode: readonly string[] = ['gateway', 'runtime', 'crds/values', 'crds/policy.ts']

/** Everything that runs in an operator process. */
export const operatorCode: readonly string[] = ['operator', 'runtime', 'crds/values', 'crds/schema']
