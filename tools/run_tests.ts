/**
 * Runs every test: first those that need no permission, then those that talk to other programs
 * and runtimes. The last line is the total over both, alone on its line.
 *
 * @module
 */

import { sum, summaryLine, type Tally, tally } from "./_junit.ts";
import { readProject } from "./_project.ts";

/** Tests that start other programs. */
const OUTSIDE = ["tests/interop", "tests/runtimes"];

/** Where tests stand that show that the test framework skips what it is told to skip. */
const SKIPS_ON_PURPOSE = "./tests/links/";

const NOTHING: Tally = { passed: 0, failed: 0, skipped: [] };

const { root } = readProject();
const reports = Deno.makeTempDirSync({ prefix: "sshflow-tests-" });
let total: Tally;
try {
  total = sum([
    await run(
      "Unit tests, without a permission",
      ["--parallel", "--no-prompt", `--ignore=${OUTSIDE.join(",")}`],
      ["tests"],
    ),
    await run("Tests with other programs and runtimes", ["-A"], OUTSIDE),
  ]);
} finally {
  Deno.removeSync(reports, { recursive: true });
}

for (const test of total.skipped) console.log(`skipped: ${test}`);
// Where everything is installed, a test that is skipped is one that nobody runs.
const mustRunAll = Deno.env.get("SSHFLOW_REQUIRE_PEERS") === "1";
if (mustRunAll && total.skipped.length > 0) {
  console.log("SSHFLOW_REQUIRE_PEERS=1 is set, and so no test may be skipped");
}
console.log(summaryLine(total));
Deno.exitCode = total.failed > 0 || mustRunAll && total.skipped.length > 0 ? 1 : 0;

async function run(
  title: string,
  options: readonly string[],
  folders: readonly string[],
): Promise<Tally> {
  const present = folders.filter(exists);
  // Without a folder `deno test` would run whatever it finds.
  if (present.length === 0) return NOTHING;
  console.log(`\n${title}\n`);
  const report = `${reports}/${crypto.randomUUID()}.xml`;
  const { success } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "--permit-no-files", `--junit-path=${report}`, ...options, ...present],
    cwd: root,
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn().status;
  const counted = exists(report) ? tally(Deno.readTextFileSync(report)) : NOTHING;
  // What fails outside of a test, in a module or in the type check, is not in the report.
  return success || counted.failed > 0 ? counted : { ...counted, failed: 1 };
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path.startsWith("/") ? path : `${root}/${path}`);
    return true;
  } catch {
    return false;
  }
}
