/**
 * The implementations that are compared, and how their agents are started.
 *
 * @module
 */

import { peer } from "../../../tests/helpers/peers.ts";
import { Agent } from "./agent.ts";

/** Whose code runs, and on what. */
export const implementations = [
  "sshflow on Deno",
  "sshflow on Node",
  "ssh2 on Node, addon",
  "ssh2 on Node, no addon",
  "ssh2 on Deno",
] as const;

/** One of {@linkcode implementations}. */
export type Implementation = typeof implementations[number];

const OURS = new URL("../agents/ours/main.ts", import.meta.url).pathname;
const SSH2 = new URL("../agents/ssh2/agent.mjs", import.meta.url).pathname;
const NPM = new URL("../npm", import.meta.url).pathname;
const ROOT = new URL("../../..", import.meta.url).pathname;

/** Those of the implementations that can be run here; the others are told, with what is missing. */
export class Peers implements Disposable {
  readonly #bundleFolder: string;
  readonly #commands: ReadonlyMap<Implementation, readonly string[]>;

  private constructor(
    bundleFolder: string,
    commands: ReadonlyMap<Implementation, readonly string[]>,
  ) {
    this.#bundleFolder = bundleFolder;
    this.#commands = commands;
  }

  /** Looks for them, and installs what npm has. */
  static async find(): Promise<Peers> {
    const folder = await Deno.makeTempDir({ prefix: "sshflow-bench-" });
    const commands = new Map<Implementation, readonly string[]>();
    const deno = Deno.execPath();
    const node = findNode();
    commands.set("sshflow on Deno", [deno, "run", "-A", "--v8-flags=--expose-gc", OURS]);
    if (node === null) console.log("Node is left out: apt-get install nodejs (20 or later)");
    else {
      const bundle = `${folder}/ours.mjs`;
      await run(deno, ["bundle", "--quiet", "--platform", "deno", "--output", bundle, OURS], ROOT);
      commands.set("sshflow on Node", [node, "--expose-gc", bundle]);
    }
    if (await installSsh2()) {
      if (node !== null) {
        if (await hasAddon(node)) {
          commands.set("ssh2 on Node, addon", [node, "--expose-gc", SSH2]);
        } else console.log("ssh2's addon is left out: it could not be built");
        commands.set("ssh2 on Node, no addon", [node, "--no-addons", "--expose-gc", SSH2]);
      }
      commands.set("ssh2 on Deno", [
        ...[deno, "run", "--no-config", "--no-lock", "--node-modules-dir=manual"],
        // Without --allow-ffi: the addon is one for Node alone.
        ...["--allow-net", "--allow-read", "--allow-env", "--allow-sys"],
        ...["--v8-flags=--expose-gc", SSH2],
      ]);
    } else console.log("ssh2 is left out: npm ci --prefix bench/peers/npm");
    return new Peers(folder, commands);
  }

  /** Which of some can be run, in the same order. */
  among<T extends Implementation>(names: readonly T[]): T[] {
    return names.filter((name) => this.#commands.has(name));
  }

  /** Starts one of them. */
  start(name: Implementation): Agent {
    const command = this.#commands.get(name);
    if (command === undefined) throw new Error(`Cannot start ${name}: it is missing`);
    return new Agent(command);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#bundleFolder, { recursive: true });
  }
}

/** Agents that run at the same time, and end together. */
export class Agents implements AsyncDisposable {
  readonly #agents = new Map<Implementation, Agent>();

  /** Starts all of them that can be run. */
  constructor(peers: Peers, names: readonly Implementation[]) {
    for (const name of peers.among(names)) this.#agents.set(name, peers.start(name));
  }

  /** Those that run. */
  get names(): Implementation[] {
    return [...this.#agents.keys()];
  }

  /** One that runs. */
  get(name: Implementation): Agent {
    const agent = this.#agents.get(name);
    if (agent === undefined) throw new Error(`${name} does not run`);
    return agent;
  }

  /** Ends all of them: whichever is asked next is a new process. */
  async renew(): Promise<void> {
    await Promise.all([...this.#agents.values()].map((agent) => agent.stop()));
  }

  /** Ends all of them. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.renew();
  }
}

function findNode(): string | null {
  const node = peer("node");
  if (node === null) return null;
  const { stdout } = new Deno.Command(node, { args: ["--version"] }).outputSync();
  const [major = "0"] = new TextDecoder().decode(stdout).slice(1).split(".");
  return Number(major) >= 20 ? node : null;
}

/** Installs ssh2, and lets it build its addons, unless that has been done. */
async function installSsh2(): Promise<boolean> {
  try {
    if (exists(`${NPM}/node_modules/ssh2`)) return true;
    console.log("Installing ssh2 into bench/peers/npm/node_modules");
    await run("npm", ["ci", "--no-audit", "--no-fund"], NPM);
    return true;
  } catch (error) {
    console.log(`${error instanceof Error ? error.message : error}`);
    return false;
  }
}

async function hasAddon(node: string): Promise<boolean> {
  const script = 'process.exit(require("ssh2/lib/protocol/crypto.js").bindingAvailable ? 0 : 1)';
  const { success } = await new Deno.Command(node, { args: ["-e", script], cwd: NPM }).output();
  return success;
}

async function run(program: string, args: string[], cwd: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(program, { args, cwd }).output();
  if (success) return;
  throw new Error(`Cannot run ${program} ${args[0]}: ${new TextDecoder().decode(stderr).trim()}`);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
