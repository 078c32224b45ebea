/**
 * What the floors check has to know of a module, read from its syntax tree.
 *
 * @module
 */

// deno-lint-ignore no-import-prefix -- only this tool parses; what is published stays without it
import { parse } from "npm:@babel/parser@^7.28.0";

/** A module that is imported or re-exported. */
export interface ImportFact {
  /** As it is written; null where an expression computes it. */
  readonly specifier: string | null;
  readonly line: number;
}

/** A name, and where it is. */
export interface NameFact {
  readonly name: string;
  readonly line: number;
}

/** The facts of a module. */
export interface ModuleFacts {
  /** In the order of the source; `import type` and `import("…")` count as well. */
  readonly imports: readonly ImportFact[];
  /** The names that the module uses and does not declare: globals, and members of `Math`. */
  readonly globals: readonly NameFact[];
  /** Every identifier, those of properties included. */
  readonly identifiers: readonly NameFact[];
  /** The lines of `using` and `await using` declarations. */
  readonly usings: readonly number[];
  /** The lines of top-level statements that are not a re-export. */
  readonly ownStatements: readonly number[];
  /** How many lines the file has. */
  readonly lines: number;
}

/** A node of the tree, as far as the walk looks at it. */
interface Node {
  readonly type: string;
  readonly loc?: { readonly start: { readonly line: number } } | null;
  readonly [key: string]: unknown;
}

/** The keys under which an identifier is the name of a member, not a variable. */
const MEMBER_NAME_KEYS: Readonly<Record<string, string>> = {
  MemberExpression: "property",
  OptionalMemberExpression: "property",
  ObjectProperty: "key",
  ObjectMethod: "key",
  ClassProperty: "key",
  ClassAccessorProperty: "key",
  ClassMethod: "key",
  TSDeclareMethod: "key",
  TSPropertySignature: "key",
  TSMethodSignature: "key",
  PrivateName: "id",
  TSQualifiedName: "right",
  ImportSpecifier: "imported",
  ExportSpecifier: "exported",
};

/** The keys under which a pattern declares names. */
const DECLARING_KEYS: Readonly<Record<string, readonly string[]>> = {
  VariableDeclarator: ["id"],
  FunctionDeclaration: ["id", "params"],
  FunctionExpression: ["id", "params"],
  ArrowFunctionExpression: ["params"],
  ObjectMethod: ["params"],
  ClassMethod: ["params"],
  ClassPrivateMethod: ["params"],
  TSDeclareFunction: ["id", "params"],
  TSDeclareMethod: ["params"],
  TSFunctionType: ["parameters"],
  TSMethodSignature: ["parameters"],
  TSCallSignatureDeclaration: ["parameters"],
  ClassDeclaration: ["id"],
  ClassExpression: ["id"],
  TSInterfaceDeclaration: ["id"],
  TSTypeAliasDeclaration: ["id"],
  CatchClause: ["param"],
  ImportSpecifier: ["local"],
  ImportDefaultSpecifier: ["local"],
  ImportNamespaceSpecifier: ["local"],
};

/**
 * Reads a module's facts.
 *
 * @throws {SyntaxError} If the source is not TypeScript.
 */
export function moduleFacts(source: string): ModuleFacts {
  const { program } = parse(source, {
    sourceType: "module",
    plugins: ["typescript", "explicitResourceManagement"],
  });
  const imports: ImportFact[] = [];
  const references: NameFact[] = [];
  const identifiers: NameFact[] = [];
  const usings: number[] = [];
  const declared = new Set<string>();

  walk(program as unknown as Node, (node, parent, key) => {
    const line = node.loc?.start.line ?? 0;
    const imported = importedBy(node);
    if (imported !== undefined) imports.push({ specifier: imported, line });
    for (const declaringKey of DECLARING_KEYS[node.type] ?? []) {
      for (const name of namesOf(node[declaringKey])) declared.add(name);
    }
    if (node.type === "VariableDeclaration" && String(node.kind).endsWith("using")) {
      usings.push(line);
    }
    if (node.type === "Identifier") {
      const fact = { name: String(node.name), line };
      identifiers.push(fact);
      if (!isMemberName(parent, key)) references.push(fact);
    }
    if (node.type === "MemberExpression" && nameOf(node.object) === "Math") {
      references.push({ name: `Math.${nameOf(node.property)}`, line });
    }
  });

  return {
    imports,
    globals: references.filter(({ name }) => !declared.has(name)),
    identifiers,
    usings,
    ownStatements: (program.body as unknown as Node[])
      .filter((statement) => !isReExport(statement))
      .map((statement) => statement.loc?.start.line ?? 0),
    lines: source.split("\n").length - (source.endsWith("\n") ? 1 : 0),
  };
}

/** The module that a node brings in; undefined where it brings in none. */
function importedBy(node: Node): string | null | undefined {
  switch (node.type) {
    case "ImportDeclaration":
    case "ExportAllDeclaration":
      return stringOf(node.source);
    case "ExportNamedDeclaration":
      return node.source ? stringOf(node.source) : undefined;
    case "TSImportType":
      return stringOf(node.argument);
    case "TSExternalModuleReference":
      return stringOf(node.expression);
    case "CallExpression":
      return isNode(node.callee) && node.callee.type === "Import"
        ? stringOf((node.arguments as unknown[])[0])
        : undefined;
  }
}

function isReExport(statement: Node): boolean {
  return statement.type === "ExportAllDeclaration" ||
    statement.type === "ExportNamedDeclaration" && Boolean(statement.source);
}

function isMemberName(parent: Node | null, key: string): boolean {
  if (parent === null || MEMBER_NAME_KEYS[parent.type] !== key) return false;
  return parent.computed !== true;
}

/** The names that a pattern declares. */
function namesOf(pattern: unknown): string[] {
  if (Array.isArray(pattern)) return pattern.flatMap(namesOf);
  if (!isNode(pattern)) return [];
  switch (pattern.type) {
    case "Identifier":
      return [String(pattern.name)];
    case "ObjectPattern":
      return namesOf(pattern.properties);
    case "ObjectProperty":
      return namesOf(pattern.value);
    case "ArrayPattern":
      return namesOf(pattern.elements);
    case "AssignmentPattern":
      return namesOf(pattern.left);
    case "RestElement":
      return namesOf(pattern.argument);
    default:
      return [];
  }
}

type Visitor = (node: Node, parent: Node | null, key: string) => void;

function walk(node: Node, visit: Visitor, parent: Node | null = null, parentKey = ""): void {
  visit(node, parent, parentKey);
  for (const [key, value] of Object.entries(node)) {
    if (key === "loc" || key.endsWith("Comments")) continue;
    for (const child of [value].flat()) {
      if (isNode(child)) walk(child, visit, node, key);
    }
  }
}

function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && "type" in value &&
    typeof value.type === "string";
}

function nameOf(node: unknown): string | null {
  return isNode(node) && node.type === "Identifier" ? String(node.name) : null;
}

function stringOf(node: unknown): string | null {
  return isNode(node) && node.type === "StringLiteral" ? String(node.value) : null;
}
