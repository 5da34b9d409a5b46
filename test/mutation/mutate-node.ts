// Which small mistakes can be made at one place of a program: other bounds, numbers, conditions, results, patterns and texts, or a step left out.
import { type Node, SyntaxKind } from 'typescript/unstable/ast'
import {
  isArrowFunction,
  isBinaryExpression,
  isBlock,
  isConditionalExpression,
  isExpressionStatement,
  isIfStatement,
  isNoSubstitutionTemplateLiteral,
  isNumericLiteral,
  isPrefixUnaryExpression,
  isRegularExpressionLiteral,
  isReturnStatement,
  isStringLiteral,
  isWhileStatement,
} from 'typescript/unstable/ast/is'
import { mutateRegex } from './mutate-regex.ts'

/** A text that takes the place of others, from `start` to before `end`. */
export interface Replacement {
  readonly start: number
  readonly end: number
  readonly text: string
}

const operators: Readonly<Record<string, readonly string[]>> = {
  '<': ['<='],
  '<=': ['<'],
  '>': ['>='],
  '>=': ['>'],
  '===': ['!=='],
  '!==': ['==='],
  '&&': ['||'],
  '||': ['&&'],
  '+': ['-'],
  '-': ['+'],
  '*': ['/'],
  '/': ['*'],
  '%': ['*'],
  '&': ['|'],
  '|': ['&'],
  '<<': ['>>'],
  '>>': ['<<'],
  '>>>': ['<<'],
  '+=': ['-='],
  '-=': ['+='],
}

/** What can be put at the place of this node itself; the nodes within it are places of their own. */
export function mutateNode(node: Node): readonly Replacement[] {
  const start = node.getStart()
  const instead = (text: string): Replacement => ({ start, end: node.end, text })
  if (isBinaryExpression(node)) return mutateOperator(node.operatorToken)
  if (isNumericLiteral(node)) return mutateNumber(node.getText()).map(instead)
  if (isStringLiteral(node) || isNoSubstitutionTemplateLiteral(node)) return node.text === '' ? [] : [instead("''")]
  if (isRegularExpressionLiteral(node)) return mutateRegex(node.getText()).map(instead)
  if (isPrefixUnaryExpression(node)) return node.operator === SyntaxKind.ExclamationToken ? [instead(node.operand.getText())] : []
  if (isConditionalExpression(node)) return [negated(node.condition)]
  if (isWhileStatement(node)) return [negated(node.expression)]
  if (isIfStatement(node)) return [negated(node.expression), instead('{}')]
  if (isExpressionStatement(node)) return [instead('{}')]
  if (isReturnStatement(node)) return node.expression === undefined ? [] : otherResults(node.expression)
  if (isArrowFunction(node) && !isBlock(node.body)) return otherResults(node.body)
  if (node.kind === SyntaxKind.TrueKeyword) return [instead('false')]
  if (node.kind === SyntaxKind.FalseKeyword) return [instead('true')]
  return []
}

function mutateOperator(token: Node): readonly Replacement[] {
  const start = token.getStart()
  return (operators[token.getText()] ?? []).map((text) => ({ start, end: token.end, text }))
}

/** One more and one less; a bound of zero is not tried below it. */
function mutateNumber(text: string): readonly string[] {
  const number = Number(text.replaceAll('_', ''))
  return number > 0 ? [String(number + 1), String(number - 1)] : [String(number + 1)]
}

const negated = (condition: Node): Replacement => ({
  start: condition.getStart(),
  end: condition.end,
  text: `!(${condition.getText()})`,
})

/** Literals are places of their own; `undefined` is already what would be put here. */
function otherResults(result: Node): readonly Replacement[] {
  const text = result.getText()
  if (/^(undefined|true|false|\d+|'[^']*'|\{\})$/.test(text)) return []
  return [{ start: result.getStart(), end: result.end, text: 'undefined' }]
}
