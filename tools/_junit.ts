/**
 * Counts tests in the report that `deno test --junit-path` writes.
 *
 * @module
 */

/** How a run of tests went. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  /** The tests that were not run, by their names. */
  readonly skipped: readonly string[];
}

const TEST_CASE = /<testcase name="([^"]*)"[^>]*>([\s\S]*?)<\/testcase>/g;

/** The message of a test whose only failures are those of its steps, which have entries too. */
const FAILED_BY_STEPS = /<failure message="\d+ test steps? failed"/;

/**
 * Counts what a reader would: each step once, and a suite, whose steps are the tests, only if it
 * failed by itself.
 */
export function tally(report: string): Tally {
  const cases = [...report.matchAll(TEST_CASE)]
    .map(([, name = "", body = ""]) => ({ name: unescape(name), body }));
  const suites = new Set(cases.flatMap(({ name }) => ancestorsOf(name)));
  let passed = 0;
  let failed = 0;
  const skipped: string[] = [];
  for (const { name, body } of cases) {
    const isSuite = suites.has(name);
    if (body.includes("<failure")) {
      if (!isSuite || !FAILED_BY_STEPS.test(body)) failed++;
    } else if (body.includes("<skipped")) {
      skipped.push(name);
    } else if (!isSuite) {
      passed++;
    }
  }
  return { passed, failed, skipped };
}

/** The tallies of several runs as one. */
export function sum(tallies: readonly Tally[]): Tally {
  return {
    passed: tallies.reduce((total, { passed }) => total + passed, 0),
    failed: tallies.reduce((total, { failed }) => total + failed, 0),
    skipped: tallies.flatMap(({ skipped }) => skipped),
  };
}

/** The line that a run ends with; CI reads it. */
export function summaryLine({ passed, failed, skipped }: Tally): string {
  const line = `${passed} passed, ${failed} failed`;
  return skipped.length > 0 ? `${line}, ${skipped.length} skipped` : line;
}

/** The reporter joins the names of a test and of the steps around it with ` > `. */
function ancestorsOf(name: string): string[] {
  const ancestors: string[] = [];
  for (let end = name.lastIndexOf(" > "); end > 0; end = name.lastIndexOf(" > ", end - 1)) {
    ancestors.push(name.slice(0, end));
  }
  return ancestors;
}

function unescape(text: string): string {
  const characters: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => characters[name] ?? "");
}
