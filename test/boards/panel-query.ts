// The queries of panels as Grafana sends them.

const variables: Readonly<Record<string, string>> = {
  cluster: '.*',
  policy: 'mx',
  operator_namespace: 'postscreen-system',
  __rate_interval: '2m',
  __range: '10m',
}

/** With the values of all variables, for the policy `mx` of a namespace. */
export const queryOf = (expr: string, namespace = 'mail'): string =>
  expr.replaceAll(/\$(\w+)/g, (_, name: string) => {
    const value = name === 'namespace' ? namespace : variables[name]
    if (value === undefined) throw new Error(`the variable ${name} is not known`)
    return value
  })

/**
 * The same with the counters themselves instead of their rates, so that the result can be compared with what has happened: a
 * rate depends on the moments of the scrapes.
 */
export const countedOf = (expr: string, namespace = 'mail'): string =>
  queryOf(expr, namespace).replaceAll(/\b(?:rate|increase)\(([a-z_]+\{[^}]*\})\[\w+\](?: offset \w+)?\)/g, '($1)')
