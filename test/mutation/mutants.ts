// All mutants of some source files: each is the file with one small mistake.
import { fileURLToPath } from 'node:url'
import type { Node, SourceFile } from 'typescript/unstable/ast'
import { SyntaxKind } from 'typescript/unstable/ast'
import { isTypeNode } from 'typescript/unstable/ast/is'
import { API } from 'typescript/unstable/sync'
import { mutateNode, type Replacement } from './mutate-node.ts'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Mutant extends Replacement {
  /** Relative to the top of the project. */
  readonly file: string
  readonly line: number
  /** The line of the program, and what it is now; both without the blanks around them. */
  readonly was: string
  readonly becomes: string
}

/** The mutants of these files, in their order. */
export function mutantsOf(files: readonly string[]): readonly Mutant[] {
  const api = new API({ cwd: root })
  try {
    const project = api.updateSnapshot({ openProject: `${root}tsconfig.json` }).getProjects()[0]
    return files.flatMap((file) => {
      const source = project?.program.getSourceFile(root + file)
      if (source === undefined) throw new Error(`${file} does not belong to the project`)
      return mutantsOfSource(file, source)
    })
  } finally {
    api.close()
  }
}

/** Nothing in here runs: types, and what is imported from where. */
const neverRuns = new Set([
  SyntaxKind.ImportDeclaration,
  SyntaxKind.ExportDeclaration,
  SyntaxKind.InterfaceDeclaration,
  SyntaxKind.TypeAliasDeclaration,
])

function mutantsOfSource(file: string, source: SourceFile): readonly Mutant[] {
  const found = new Map<string, Mutant>()
  const visit = (node: Node): void => {
    if (neverRuns.has(node.kind) || isTypeNode(node)) return
    for (const replacement of mutateNode(node)) {
      const { start, end, text } = replacement
      found.set(`${start} ${end} ${text}`, { ...replacement, file, ...place(source.text, replacement) })
    }
    node.forEachChild(visit)
  }
  visit(source)
  return [...found.values()]
}

function place(program: string, { start, end, text }: Replacement): Pick<Mutant, 'line' | 'was' | 'becomes'> {
  const from = program.lastIndexOf('\n', start - 1) + 1
  const lineEnd = (at: number): number => (program.indexOf('\n', at) < 0 ? program.length : program.indexOf('\n', at))
  return {
    line: program.slice(0, start).split('\n').length,
    was: oneLine(program.slice(from, lineEnd(end))),
    becomes: oneLine(program.slice(from, start) + text + program.slice(end, lineEnd(end))),
  }
}

const oneLine = (text: string): string => text.trim().replace(/\s*\n\s*/g, ' ')
