/**
 * The gates that a change has to pass, in order of what they cost. The first that fails stops the
 * run and shows why. `--without-tests` leaves out the last gate, the tests.
 *
 * @module
 */

import { exportedModules, readProject, shippedModules } from "./_project.ts";
import { stageDomConfiguration, stagePackage } from "./_staging.ts";

/** A check that a command of Deno's makes. */
interface Gate {
  readonly name: string;
  /** The command's arguments. */
  readonly args: readonly string[];
  /** The folder to run it in: the root, unless given. */
  readonly cwd?: string;
  /** Whether the last line of its output is worth showing when it passes. */
  readonly tellsResult?: true;
}

const project = readProject();
const shipped = shippedModules(project);
const temporary = Deno.makeTempDirSync({ prefix: "sshflow-ok-" });
try {
  Deno.exitCode = await pass(gates()) ? 0 : 1;
} finally {
  Deno.removeSync(temporary, { recursive: true });
}

function gates(): readonly Gate[] {
  Deno.mkdirSync(`${temporary}/dom`);
  const domConfiguration = stageDomConfiguration(project, `${temporary}/dom`);
  const packageFolder = stagePackage(project, `${temporary}/workspace`);
  const shippedPaths = shipped.map((file) => `${project.root}/${file}`);
  const all: readonly Gate[] = [
    { name: "format", args: ["fmt", "--check"] },
    { name: "lint", args: ["lint"] },
    { name: "floors", args: ["task", "--quiet", "floors"], tellsResult: true },
    { name: "kernels", args: ["run", "-A", "tools/build_kernel.ts", "--check"] },
    { name: "types", args: ["check", "--quiet"] },
    {
      name: "types, of the web platform alone",
      args: ["check", "--quiet", "--no-lock", "--config", domConfiguration, ...shippedPaths],
    },
    { name: "documentation", args: ["doc", "--lint", ...exportedModules(project)] },
    {
      name: "documentation's examples",
      args: ["test", "--doc", "--no-prompt", "--permit-no-files", ...shipped],
    },
    { name: "examples of README.md", args: ["check", "--quiet", "--doc-only", "README.md"] },
    {
      name: "package",
      args: ["publish", "--quiet", "--dry-run", "--allow-dirty"],
      cwd: packageFolder,
    },
    { name: "tests", args: ["task", "--quiet", "test"], tellsResult: true },
  ];
  return Deno.args.includes("--without-tests") ? all.slice(0, -1) : all;
}

/** Passes the gates one after another, until one fails. */
async function pass(gates: readonly Gate[]): Promise<boolean> {
  for (const { name, args, cwd, tellsResult } of gates) {
    const start = performance.now();
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...args],
      cwd: cwd ?? project.root,
      stdin: "null",
    }).output();
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    const output = new TextDecoder().decode(stdout).trimEnd();
    const result = tellsResult ? `  ${output.slice(output.lastIndexOf("\n") + 1)}` : "";
    console.log(`${success ? "ok  " : "FAIL"} ${seconds.padStart(6)} s  ${name}${result}`);
    if (!success) {
      console.log(`\n${output}\n${new TextDecoder().decode(stderr).trimEnd()}`);
      console.log(`\nFailed: deno ${args.slice(0, 6).join(" ")}${args.length > 6 ? " …" : ""}`);
      return false;
    }
  }
  return true;
}
