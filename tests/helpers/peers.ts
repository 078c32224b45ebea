/**
 * Finds the other implementations that tests talk to. One that is missing is a skip that names
 * what to install; where `SSHFLOW_REQUIRE_PEERS=1` is set, as in CI, it is a failure.
 *
 * @module
 */

import { describe, it } from "@std/testing/bdd";

/** The name of a peer that tests can ask for. */
export type PeerName =
  | "ssh"
  | "sftp"
  | "scp"
  | "ssh-keygen"
  | "ssh-agent"
  | "ssh-add"
  | "ssh-keyscan"
  | "ssh-keysign"
  | "sshd"
  | "sftp-server"
  | "dropbear"
  | "dropbearkey"
  | "dropbearconvert"
  | "dbclient"
  | "nss_wrapper"
  | "plink"
  | "psftp"
  | "pscp"
  | "puttygen"
  | "asyncssh"
  | "paramiko"
  | "ssh2"
  | "ssh-audit"
  | "openssl"
  | "sshpass"
  | "tmux"
  | "chromium"
  | "node"
  | "bun"
  | "workerd";

/** Where a peer comes from: a program, or a module of the system's Python. */
interface Source {
  /** The program's file name, looked for in `PATH` and {@linkcode EXTRA_DIRECTORIES}. */
  readonly program?: string;
  /** The module that `/usr/bin/python3` has to have. */
  readonly pythonModule?: string;
  /** What to do where it is missing. */
  readonly install: string;
}

/** Where tests/runtimes/npm has programs of npm's packages, of which one is for this processor. */
export const PROGRAM_FOLDERS: readonly string[] = [
  "@oven/bun-linux-x64",
  "@oven/bun-linux-aarch64",
  "@cloudflare/workerd-linux-64",
  "@cloudflare/workerd-linux-arm64",
].map((name) => new URL(`../runtimes/npm/node_modules/${name}/bin`, import.meta.url).pathname);

/** `sshd` and `dropbear` are not in the `PATH` of ordinary users; the others are in nobody's. */
const EXTRA_DIRECTORIES = [
  "/usr/sbin",
  "/usr/local/sbin",
  "/usr/lib/openssh",
  "/usr/lib/x86_64-linux-gnu",
  "/usr/lib/aarch64-linux-gnu",
  ...PROGRAM_FOLDERS,
  new URL("../interop/npm/node_modules", import.meta.url).pathname,
];

const PYTHON = "/usr/bin/python3";

const PEERS: Readonly<Record<PeerName, Source>> = {
  "ssh": debian("ssh", "openssh-client"),
  "sftp": debian("sftp", "openssh-client"),
  "scp": debian("scp", "openssh-client"),
  "ssh-keygen": debian("ssh-keygen", "openssh-client"),
  "ssh-agent": debian("ssh-agent", "openssh-client"),
  "ssh-add": debian("ssh-add", "openssh-client"),
  "ssh-keyscan": debian("ssh-keyscan", "openssh-client"),
  "ssh-keysign": debian("ssh-keysign", "openssh-client"),
  "sshd": debian("sshd", "openssh-server"),
  "sftp-server": debian("sftp-server", "openssh-sftp-server"),
  "dropbear": debian("dropbear", "dropbear-bin"),
  "dropbearkey": debian("dropbearkey", "dropbear-bin"),
  "dropbearconvert": debian("dropbearconvert", "dropbear-bin"),
  "dbclient": debian("dbclient", "dropbear-bin"),
  // Not a peer, but what gives Dropbear a user to log in as.
  "nss_wrapper": debian("libnss_wrapper.so", "libnss-wrapper"),
  "plink": debian("plink", "putty-tools"),
  "psftp": debian("psftp", "putty-tools"),
  "pscp": debian("pscp", "putty-tools"),
  "puttygen": debian("puttygen", "putty-tools"),
  "asyncssh": python("asyncssh", "python3-asyncssh"),
  "paramiko": python("paramiko", "python3-paramiko"),
  "ssh2": { program: "ssh2/lib/index.js", install: "npm ci --prefix tests/interop/npm" },
  "ssh-audit": debian("ssh-audit", "ssh-audit"),
  "openssl": debian("openssl", "openssl"),
  "sshpass": debian("sshpass", "sshpass"),
  "tmux": debian("tmux", "tmux"),
  "chromium": debian("chromium", "chromium"),
  "node": debian("node", "nodejs"),
  "bun": npm("bun"),
  "workerd": npm("workerd"),
};

const found = new Map<PeerName, string | null>();

/**
 * The path of a peer's program; for a Python module, that of the Python which has it.
 *
 * @returns Null if it is not installed.
 */
export function peer(name: PeerName): string | null {
  let path = found.get(name);
  if (path === undefined) {
    const source = PEERS[name];
    path = source.pythonModule === undefined
      ? findProgram(source.program ?? name)
      : findPythonModule(source.pythonModule);
    found.set(name, path);
  }
  return path;
}

/**
 * A suite that needs peers. The paths of all of them are given to `body`, in order.
 *
 * @example
 * ```ts ignore
 * describePeer("ssh", "exec", (ssh) => {
 *   it("gives the exit status", async () => { … new Deno.Command(ssh, …) … });
 * });
 * describePeer(["sshd", "sshpass"], (sshd, sshpass) => { … });
 * ```
 */
export function describePeer(peers: PeerName | readonly PeerName[], body: Body): void;
/** A suite that needs peers, with a title of its own. */
export function describePeer(
  peers: PeerName | readonly PeerName[],
  title: string,
  body: Body,
): void;
export function describePeer(
  peers: PeerName | readonly PeerName[],
  titleOrBody: string | Body,
  givenBody?: Body,
): void {
  const names = [peers].flat();
  const title = typeof titleOrBody === "string" ? titleOrBody : names.join(" and ");
  const body = typeof titleOrBody === "string" ? givenBody : titleOrBody;
  const { paths, missing } = findAll(names);
  if (missing.length === 0) {
    describe(title, () => body?.(...paths));
  } else {
    reportMissing(title, missing);
  }
}

/** A test that needs peers. The paths of all of them are given to `fn`, in order. */
export function itWithPeer(
  peers: PeerName | readonly PeerName[],
  title: string,
  fn: (...paths: string[]) => void | Promise<void>,
): void {
  const { paths, missing } = findAll([peers].flat());
  if (missing.length === 0) {
    it(title, () => fn(...paths));
  } else {
    reportMissing(title, missing);
  }
}

type Body = (...paths: string[]) => void;

function findAll(names: readonly PeerName[]): { paths: string[]; missing: PeerName[] } {
  const paths = names.map(peer);
  return {
    paths: paths.filter((path) => path !== null),
    missing: names.filter((_, index) => paths[index] === null),
  };
}

function reportMissing(title: string, missing: readonly PeerName[]): void {
  const what = missing.map((name) => `${name} is not installed: ${PEERS[name].install}`);
  if (Deno.env.get("SSHFLOW_REQUIRE_PEERS") === "1") {
    it(title, () => {
      throw new Error(`Cannot run "${title}": ${what.join("; ")}`);
    });
  } else {
    it.skip(`${title} (${what.join("; ")})`, () => {});
  }
}

function findProgram(program: string): string | null {
  // Deno appends to PATH a folder with a `node` of its own, which is not the peer that is meant.
  const directories = (Deno.env.get("PATH") ?? "").split(":")
    .filter((path) => path !== "" && !path.endsWith("/node_compat_bin"));
  for (const directory of [...directories, ...EXTRA_DIRECTORIES]) {
    const path = `${directory}/${program}`;
    try {
      if (Deno.statSync(path).isFile) return path;
    } catch {
      // Not in this directory.
    }
  }
  return null;
}

function findPythonModule(module: string): string | null {
  try {
    const { success } = new Deno.Command(PYTHON, {
      args: ["-c", `import importlib.util as u; exit(u.find_spec("${module}") is None)`],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).outputSync();
    return success ? PYTHON : null;
  } catch {
    return null;
  }
}

function debian(program: string, packageName: string): Source {
  return { program, install: `apt-get install ${packageName}` };
}

function python(pythonModule: string, packageName: string): Source {
  return { pythonModule, install: `apt-get install ${packageName}` };
}

function npm(program: string): Source {
  return { program, install: "npm ci --prefix tests/runtimes/npm" };
}
