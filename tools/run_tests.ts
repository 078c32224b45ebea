/**
 * Runs every test: first those that need no permission, then those that talk to other programs
 * and runtimes. The last line is the total, alone on its line.
 *
 * @module
 */

import { sum, summaryLine, type Tally, tally } from "./_junit.ts";
import { readProject } from "./_project.ts";

/** Tests that are run together. */
interface Part {
  readonly title: string;
  readonly folders: readonly string[];
  readonly options: readonly string[];
  /** Whether its tests show that skipped tests are skipped. */
  readonly skipsOnPurpose?: true;
}

/** Tests that start other programs. */
const OUTSIDE = ["tests/interop", "tests/runtimes"];

/** Tests of the stand-ins for packages, the test framework among them. */
const LINKS = ["tests/links"];

const PARTS: readonly Part[] = [
  {
    title: "Unit tests, without a permission",
    folders: ["tests"],
    options: ["--parallel", "--no-prompt", `--ignore=${[...OUTSIDE, ...LINKS].join(",")}`],
  },
  { title: "Stand-ins", folders: LINKS, options: ["--no-prompt"], skipsOnPurpose: true },
  { title: "Tests with other programs and runtimes", folders: OUTSIDE, options: ["-A"] },
];

/** A part that takes longer hangs: its tests take a few minutes. */
const LIMIT_MS = 8 * 60_000;

const NOTHING: Tally = { passed: 0, failed: 0, skipped: [] };

const { root } = readProject();
const tallies: Tally[] = [];
for (const part of PARTS) tallies.push(await run(part));
const total = sum(tallies);

for (const name of total.skipped) console.log(`skipped: ${name}`);
// Where everything is installed, a test that is skipped is one that nobody runs.
const mustRunAll = Deno.env.get("SSHFLOW_REQUIRE_PEERS") === "1";
if (mustRunAll && total.skipped.length > 0) {
  console.log("SSHFLOW_REQUIRE_PEERS=1 is set, and so no test may be skipped");
}
console.log(summaryLine(total));
Deno.exitCode = total.failed > 0 || mustRunAll && total.skipped.length > 0 ? 1 : 0;

async function run({ title, folders, options, skipsOnPurpose }: Part): Promise<Tally> {
  const present = folders.filter((folder) => exists(`${root}/${folder}`));
  // Without a folder `deno test` would run whatever it finds.
  if (present.length === 0) return NOTHING;
  console.log(`\n${title}\n`);
  const report = Deno.makeTempFileSync({ prefix: "sshflow-tests-", suffix: ".xml" });
  try {
    const signal = AbortSignal.timeout(LIMIT_MS);
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "--permit-no-files", `--junit-path=${report}`, ...options, ...present],
      cwd: root,
      stdin: "null",
      stdout: "inherit",
      stderr: "inherit",
      signal,
    }).spawn().status;
    if (signal.aborted) console.log(`Stopped after ${LIMIT_MS / 60_000} minutes: ${title}`);
    const counted = tally(Deno.readTextFileSync(report));
    // What fails outside of a test, in a module or in the type check, is not in the report.
    const failed = success ? 0 : Math.max(1, counted.failed);
    return { ...counted, failed, skipped: skipsOnPurpose ? [] : counted.skipped };
  } finally {
    Deno.removeSync(report);
  }
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}
