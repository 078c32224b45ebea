/**
 * Stands in for `jsr:@std/testing/bdd`: suites of tests, as steps of one `Deno.test` for each
 * outermost suite.
 *
 * @module
 */

/** What a test or a hook runs. */
export type TestFunction<T> = (this: T, t: Deno.TestContext) => void | Promise<void>;
type HookFunction<T> = (this: T) => void | Promise<void>;
type Hooks<T> = HookFunction<T> | HookFunction<T>[];

/** A suite as a value, to which tests can be added outside of its function. */
export interface TestSuite<T> {
  /** Keeps suites of different contexts apart; not there at run time. */
  symbol: symbol & { readonly context?: T };
}

/** How a test is described. */
export interface ItDefinition<T> extends Omit<Deno.TestDefinition, "fn"> {
  fn: TestFunction<T>;
  /** The suite it belongs to: the one whose function is running, unless given. */
  suite?: TestSuite<T>;
}

/** How a suite is described. */
export interface DescribeDefinition<T> extends Omit<Deno.TestDefinition, "fn"> {
  fn?: () => void | undefined;
  suite?: TestSuite<T>;
  beforeAll?: Hooks<T>;
  afterAll?: Hooks<T>;
  beforeEach?: Hooks<T>;
  afterEach?: Hooks<T>;
}

type Body = () => void | undefined;
type TestOptions<T> = Omit<ItDefinition<T>, "fn" | "name" | "suite">;
type SuiteOptions<T> = Omit<DescribeDefinition<T>, "fn" | "name" | "suite">;

/** The forms in which a test can be given: those of the published package that are used here. */
export type ItArgs<T> =
  | [fn: TestFunction<T>]
  | [options: ItDefinition<T>]
  | [name: string, fn: TestFunction<T>]
  | [name: string, options: TestOptions<T>, fn: TestFunction<T>]
  | [suite: TestSuite<T>, name: string, fn: TestFunction<T>]
  | [suite: TestSuite<T>, name: string, options: TestOptions<T>, fn: TestFunction<T>];

/** The forms in which a suite can be given: those of the published package that are used here. */
export type DescribeArgs<T> =
  | [fn: Body]
  | [name: string]
  | [options: DescribeDefinition<T>]
  | [name: string, fn: Body]
  | [name: string, options: SuiteOptions<T>]
  | [name: string, options: SuiteOptions<T>, fn: Body]
  | [suite: TestSuite<T>, name: string, fn: Body]
  | [suite: TestSuite<T>, name: string, options: SuiteOptions<T>, fn: Body];

/** Registers a test. */
export interface it {
  <T>(...args: ItArgs<T>): void;
  /** Registers a test that alone is run, with others so marked. */
  only<T>(...args: ItArgs<T>): void;
  /** Registers a test that is not run. */
  ignore<T>(...args: ItArgs<T>): void;
  /** Registers a test that is not run: another name of `ignore`. */
  skip<T>(...args: ItArgs<T>): void;
}

/** Registers a suite. */
export interface describe {
  <T>(...args: DescribeArgs<T>): TestSuite<T>;
  /** Registers a suite that alone is run, with others so marked. */
  only<T>(...args: DescribeArgs<T>): TestSuite<T>;
  /** Registers a suite that is not run. */
  ignore<T>(...args: DescribeArgs<T>): TestSuite<T>;
  /** Registers a suite that is not run: another name of `ignore`. */
  skip<T>(...args: DescribeArgs<T>): TestSuite<T>;
}

type Context = Record<string, unknown>;
type Options = Omit<Deno.TestDefinition, "name" | "fn">;
type HookName = "beforeAll" | "afterAll" | "beforeEach" | "afterEach";
type Loose = Partial<Omit<DescribeDefinition<Context>, "fn">> & {
  fn?: TestFunction<Context> | (() => void | undefined);
};

/** A test, or a suite where it has `children`. */
interface TestNode {
  name: string;
  options: Options;
  run: (context: Context, t: Deno.TestContext) => void | Promise<void>;
}

class Suite implements TestNode {
  readonly symbol: symbol = Symbol();
  readonly name: string;
  readonly options: Options;
  readonly parent: Suite | null;
  readonly children: TestNode[] = [];
  readonly hooks: Record<HookName, HookFunction<Context>[]> = {
    beforeAll: [],
    afterAll: [],
    beforeEach: [],
    afterEach: [],
  };

  constructor(name: string, options: Options, parent: Suite | null) {
    this.name = name;
    this.options = options;
    this.parent = parent;
  }

  async run(context: Context, t: Deno.TestContext): Promise<void> {
    const someOnly = this.children.some(hasOnly);
    try {
      for (const hook of this.hooks.beforeAll) await hook.call(context);
      for (const child of this.children) {
        const { only: _, permissions: __, ...options } = child.options;
        const ignore = options.ignore || someOnly && !hasOnly(child);
        await t.step({
          ...options,
          ignore,
          name: child.name,
          fn: (step) => child.run({ ...context }, step),
        });
      }
    } finally {
      for (const hook of this.hooks.afterAll) await hook.call(context);
    }
  }

  async runTest(
    fn: TestFunction<Context>,
    context: Context,
    t: Deno.TestContext,
  ): Promise<void> {
    const path: Suite[] = [this];
    for (let suite = this.parent; suite; suite = suite.parent) path.unshift(suite);
    try {
      for (const suite of path) {
        for (const hook of suite.hooks.beforeEach) await hook.call(context);
      }
      await fn.call(context, t);
    } finally {
      for (const suite of path.reverse()) {
        for (const hook of suite.hooks.afterEach) await hook.call(context);
      }
    }
  }
}

const suites = new Map<symbol, Suite>();
/** The suite whose function is running. */
let current: Suite | null = null;
/** The suite around the whole file, once a hook was added outside of every suite. */
let wholeFile: Suite | null = null;
/** Whether a test or a suite was registered, after which no hook can be added for the file. */
let started = false;
/** How many of the outermost tests are running: none can be added meanwhile. */
let running = 0;

function hasOnly(node: TestNode): boolean {
  return node.options.only === true || node instanceof Suite && node.children.some(hasOnly);
}

function register(node: TestNode): void {
  // Deno reads the definition when it is given, so `only` must be known by then.
  const { only: _, ...options } = node.options;
  Deno.test({
    ...options,
    ...(hasOnly(node) ? { only: true } : {}),
    name: node.name,
    async fn(t) {
      running++;
      try {
        await node.run({}, t);
      } finally {
        running--;
      }
    },
  });
}

function add(node: TestNode, parent: Suite | null): void {
  if (running > 0) throw new Error("Cannot register new test cases while others run");
  started = true;
  if (!parent) {
    register(node);
    return;
  }
  if (node.options.permissions !== undefined) {
    throw new Error('"permissions" option is not available for nested tests');
  }
  parent.children.push(node);
}

function parse(args: readonly unknown[], marks: Options): {
  name: string;
  parent: Suite | null;
  fn: TestFunction<Context> | undefined;
  hooks: Partial<Record<HookName, Hooks<Context>>>;
  options: Options;
} {
  const rest = [...args];
  let suite: TestSuite<unknown> | undefined;
  if (isSuite(rest[0])) suite = rest.shift() as TestSuite<unknown>;
  const name = typeof rest[0] === "string" ? rest.shift() as string : undefined;
  const given = rest[0] && typeof rest[0] === "object" ? rest.shift() as Loose : {};
  const lastFn = rest[0] as TestFunction<Context> | undefined;
  const {
    name: nameInOptions,
    fn: fnInOptions,
    suite: suiteInOptions,
    beforeAll,
    afterAll,
    beforeEach,
    afterEach,
    ...options
  } = given;
  const fn = lastFn ?? fnInOptions as TestFunction<Context> | undefined;
  const finalName = name ?? nameInOptions ?? fn?.name ?? "";
  const key = suite ?? suiteInOptions;
  const parent = key ? suites.get(key.symbol) ?? null : current ?? wholeFile;
  const hooks: Partial<Record<HookName, Hooks<Context>>> = {};
  if (beforeAll) hooks.beforeAll = beforeAll;
  if (afterAll) hooks.afterAll = afterAll;
  if (beforeEach) hooks.beforeEach = beforeEach;
  if (afterEach) hooks.afterEach = afterEach;
  return { name: finalName, parent, fn, hooks, options: { ...options, ...marks } };
}

function isSuite(value: unknown): value is TestSuite<unknown> {
  return typeof value === "object" && value !== null &&
    typeof (value as { symbol?: unknown }).symbol === "symbol";
}

function addTest(args: readonly unknown[], marks: Options): void {
  const { name, parent, fn, options } = parse(args, marks);
  if (!fn) throw new TypeError("Cannot register a test: it has no function");
  add({
    name,
    options,
    run: (context, t) => parent ? parent.runTest(fn, context, t) : fn.call(context, t),
  }, parent);
}

function addSuite<T>(args: readonly unknown[], marks: Options): TestSuite<T> {
  const { name, parent, fn, hooks, options } = parse(args, marks);
  const suite = new Suite(name, options, parent);
  suites.set(suite.symbol, suite);
  for (const [hook, fns] of Object.entries(hooks)) {
    suite.hooks[hook as HookName].push(...[fns].flat());
  }
  const outer = current;
  current = suite;
  try {
    const result: unknown = (fn as (() => unknown) | undefined)?.();
    if (result instanceof Promise) {
      throw new Error(
        'Returning a Promise from "describe" is not supported: tests must be ' +
          "defined synchronously",
      );
    }
  } finally {
    current = outer;
  }
  add(suite, parent);
  return { symbol: suite.symbol };
}

function addHook<T>(name: HookName, fn: HookFunction<T>): void {
  if (!current && !wholeFile) {
    if (started) throw new Error("Cannot add global hooks after a global test is registered");
    wholeFile = new Suite("global", {}, null);
    register(wholeFile);
  }
  const suite = current ?? wholeFile;
  suite?.hooks[name].push(fn as HookFunction<Context>);
}

/** Registers a test. */
export const it: it = Object.assign(
  <T>(...args: ItArgs<T>): void => addTest(args, {}),
  {
    only: <T>(...args: ItArgs<T>): void => addTest(args, { only: true }),
    ignore: <T>(...args: ItArgs<T>): void => addTest(args, { ignore: true }),
    skip: <T>(...args: ItArgs<T>): void => addTest(args, { ignore: true }),
  },
);

/** Registers a test: another name of {@linkcode it}. */
export const test: it = it;

/** Registers a suite of tests. */
export const describe: describe = Object.assign(
  <T>(...args: DescribeArgs<T>): TestSuite<T> => addSuite(args, {}),
  {
    only: <T>(...args: DescribeArgs<T>): TestSuite<T> => addSuite(args, { only: true }),
    ignore: <T>(...args: DescribeArgs<T>): TestSuite<T> => addSuite(args, { ignore: true }),
    skip: <T>(...args: DescribeArgs<T>): TestSuite<T> => addSuite(args, { ignore: true }),
  },
);

/** Runs a function before all tests of the suite. */
export function beforeAll<T>(fn: (this: T) => void | Promise<void>): void {
  addHook("beforeAll", fn);
}

/** Runs a function before all tests of the suite: another name of {@linkcode beforeAll}. */
export function before<T>(fn: (this: T) => void | Promise<void>): void {
  addHook("beforeAll", fn);
}

/** Runs a function after all tests of the suite, also when some failed. */
export function afterAll<T>(fn: (this: T) => void | Promise<void>): void {
  addHook("afterAll", fn);
}

/** Runs a function after all tests of the suite: another name of {@linkcode afterAll}. */
export function after<T>(fn: (this: T) => void | Promise<void>): void {
  addHook("afterAll", fn);
}

/** Runs a function before each test of the suite and of the suites within. */
export function beforeEach<T>(fn: (this: T) => void | Promise<void>): void {
  addHook("beforeEach", fn);
}

/** Runs a function after each test of the suite and of the suites within, also when it failed. */
export function afterEach<T>(fn: (this: T) => void | Promise<void>): void {
  addHook("afterEach", fn);
}
