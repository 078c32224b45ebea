/**
 * Logs in to a server, as `ssh` does: runs a command there, or a shell.
 *
 * ```sh
 * deno task ssh ada@server.example uname -a
 * deno task ssh --identity id_ed25519 --fingerprint SHA256:… ada@server.example:2222
 * deno task ssh -J ada@jump.example -A db.internal
 * ```
 *
 * @module
 */

import { globSync } from "node:fs";
import { parseArgs } from "node:util";
import {
  type AlgorithmChoice,
  authenticatorOf,
  authMethodsOf,
  authOf,
  type ConfigFile,
  connectBy,
  type ExplicitOptions,
  fingerprint,
  parseSshConfig,
  selectAlgorithms,
  sessionOptionsOf,
  type SshClient,
  type SshConfig,
  type SshConfigContext,
  SshError,
} from "@sshflow/ssh";
import { access, cannot, showable, succeeds, UsageError } from "./ssh_access.ts";
import { FAILED, runSession } from "./ssh_session.ts";
import * as terminal from "./terminal.ts";

const help = `Log in to a server over SSH, and run a command there, or a shell.

Usage: deno task ssh [options] [USER@]HOST[:PORT] [COMMAND…]

  -p, --port PORT          the server's port (default: 22)
  -l, --login NAME         the user's name (default: $USER)
  -i, --identity FILE      a private key to log in with; may be given more than once
  -J, --jump HOSTS         hosts to go through, as [USER@]HOST[:PORT], separated by commas
  -A, --forward-agent      lend your agent to what runs there: do so only where you trust it
  -F, --config FILE        options as ssh has them, in place of ~/.ssh/config and
                           /etc/ssh/ssh_config; none for none; what is said here counts first
  -o, --option NAME=VALUE  one such option; may be given more than once
      --password TEXT      the password; without it, it is asked for
      --known-hosts FILE   the hosts that are known, in place of ~/.ssh/known_hosts; a new one is
                           asked about, and written there
      --fingerprint TEXT   the server's host key, such as SHA256:…, in place of known hosts
  -t, --tty                ask for a terminal, also for a command
  -T, --no-tty             ask for none, also for a shell
  -C, --compress           compress what is sent, both ways
      --kex NAMES          algorithms to offer for the key exchange, separated by commas
      --host-keys NAMES    likewise for the signature of the host key
      --ciphers NAMES      likewise for encryption
      --macs NAMES         likewise for message authentication
  -v, --verbose            say what was agreed on
  -h, --help               show this

Keys come from your agent, and from the files that the configuration names. It may run no programs:
where the configuration has a ProxyCommand or Match exec, deno asks whether it may, if there is a
terminal; or allow it, with the options of this task in deno.json:

  deno run --allow-run=sh … examples/ssh.ts

It ends with the status of what ran, or with 255 if something went wrong.
`;

const options = {
  port: { type: "string", short: "p" },
  login: { type: "string", short: "l" },
  identity: { type: "string", short: "i", multiple: true },
  jump: { type: "string", short: "J" },
  "forward-agent": { type: "boolean", short: "A", default: false },
  config: { type: "string", short: "F" },
  option: { type: "string", short: "o", multiple: true },
  password: { type: "string" },
  "known-hosts": { type: "string" },
  fingerprint: { type: "string" },
  tty: { type: "boolean", short: "t", default: false },
  "no-tty": { type: "boolean", short: "T", default: false },
  compress: { type: "boolean", short: "C", default: false },
  kex: { type: "string" },
  "host-keys": { type: "string" },
  ciphers: { type: "string" },
  macs: { type: "string" },
  verbose: { type: "boolean", short: "v", default: false },
  help: { type: "boolean", short: "h", default: false },
} as const;

type Values = ReturnType<typeof parseOptions>["values"];

if (import.meta.main) Deno.exit(await main(Deno.args));

/**
 * Runs the tool.
 *
 * @param args The command line's arguments.
 * @returns The exit status: that of what ran, or 255.
 */
export async function main(args: string[]): Promise<number> {
  try {
    const { values, destination, command } = readArguments(args);
    if (values.help) {
      console.log(help);
      return 0;
    }
    return await run(values, readDestination(values, destination), command);
  } catch (error) {
    // Whatever is not a bug is said in one line; a bug shows its stack.
    if (!(error instanceof UsageError || error instanceof SshError)) throw error;
    console.error(error.message);
    return FAILED;
  }
}

async function run(values: Values, wanted: SshConfigContext, command: string): Promise<number> {
  const files = readConfigFiles(values.config);
  const configOf = (context: SshConfigContext) => readConfig(files, context);
  const config = await configOf({ ...wanted, options: optionsOf(values) });
  const own = explicitOptions(values, config);
  await using ssh = await connectBy(config, {
    ...access,
    configOf,
    explicit: (of) => ({
      ...(of === config ? own : {}),
      onBanner: (banner) => console.error(showable(banner).trimEnd()),
    }),
  });
  if (values.verbose) tellAgreement(ssh);
  const session = sessionOptionsOf(config, {
    ...(command !== "" && { command }),
    ...(access.openAgent !== undefined && { openAgent: access.openAgent }),
    env: Deno.env.toObject(),
    isTerminal: terminal.isInteractive(),
  });
  return await runSession(ssh, session);
}

function parseOptions(args: string[]) {
  return parseArgs({ args, options, allowPositionals: true });
}

/** What stands behind the destination is the command, whatever it looks like. */
function readArguments(
  args: string[],
): { values: Values; destination: string | undefined; command: string } {
  try {
    const loose = { args, options, allowPositionals: true, strict: false, tokens: true } as const;
    const words = parseArgs(loose).tokens.filter(({ kind }) => kind === "positional");
    const end = words[1]?.index ?? args.length;
    const { values, positionals } = parseOptions(args.slice(0, end));
    return { values, destination: positionals[0], command: args.slice(end).join(" ") };
  } catch (error) {
    const [what] = (error as Error).message.split(/\.\s|\n/);
    const names = Object.keys(options).map((name) => `--${name}`).join(", ");
    throw new UsageError(`${what}; supported options: ${names}`);
  }
}

function readDestination(values: Values, destination: string | undefined): SshConfigContext {
  if (destination === undefined) {
    throw new UsageError("Cannot connect: no host is given; --help shows how");
  }
  const text = destination.replace(/^ssh:\/\//, "").replace(/\/$/, "");
  const at = text.lastIndexOf("@");
  const host = text.slice(at + 1);
  const bracketed = /^\[(.+)\](?::(.*))?$/.exec(host);
  const plain = /^([^:]*)(?::([^:]*))?$/.exec(host);
  // What is neither is a bare address of IPv6, which has colons of its own.
  const [, hostname = host, port] = bracketed ?? plain ?? [];
  if (hostname === "") throw new UsageError(`Cannot connect to ${destination}: there is no host`);
  const user = values.login ?? (at === -1 ? undefined : text.slice(0, at));
  const portText = values.port ?? port;
  return {
    host: hostname,
    ...(user !== undefined && { user }),
    ...(portText !== undefined && { port: readPort(portText) }),
  };
}

function readPort(text: string): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65535) return port;
  throw new UsageError(`Cannot connect to port ${text}: it has to be 1 to 65535`);
}

/** What the command line says, as `ssh -o` takes it. */
function optionsOf(values: Values): string[] {
  for (const path of values.identity ?? []) {
    try {
      Deno.statSync(path);
    } catch (error) {
      throw cannot(`read ${path}`, error);
    }
  }
  const quoted = (text: string): string => `"${text.replace(/["\\]/g, "\\$&")}"`;
  return [
    // A path is what it is: no tokens are expanded in it.
    ...(values.identity ?? []).map((path) => `IdentityFile=${quoted(path.replaceAll("%", "%%"))}`),
    ...(values.jump === undefined ? [] : [`ProxyJump=${values.jump}`]),
    ...(values["forward-agent"] ? ["ForwardAgent=yes"] : []),
    ...(values["known-hosts"] === undefined
      ? []
      : [`UserKnownHostsFile=${quoted(values["known-hosts"].replaceAll("%", "%%"))}`]),
    ...(values["no-tty"] ? ["RequestTTY=no"] : values.tty ? ["RequestTTY=force"] : []),
    ...(values.compress ? ["Compression=yes"] : []),
    ...values.option ?? [],
  ];
}

/** Without a file named, those of the user and of the system that are there. */
function readConfigFiles(path: string | undefined): ConfigFile[] {
  if (path === "none") return [];
  if (path !== undefined) return [readConfigFile(path)];
  const own = { path: `${Deno.env.get("HOME") ?? ""}/.ssh/config`, isSystem: false };
  const usual = [own, { path: "/etc/ssh/ssh_config", isSystem: true }];
  return usual.flatMap(({ path, isSystem }) => {
    try {
      return [{ path, isSystem, text: Deno.readTextFileSync(path) }];
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return [];
      throw cannot(`read ${path}`, error);
    }
  });
}

function readConfigFile(path: string): ConfigFile {
  try {
    return { path, text: Deno.readTextFileSync(path) };
  } catch (error) {
    throw cannot(`read ${path}`, error);
  }
}

async function readConfig(files: ConfigFile[], wanted: SshConfigContext): Promise<SshConfig> {
  const [localUser, homeDirectory] = [
    Deno.env.get("USER") || Deno.env.get("LOGNAME"),
    Deno.env.get("HOME"),
  ];
  const config = await parseSshConfig(files, {
    ...(localUser && { localUser }),
    ...(homeDirectory && { homeDirectory }),
    env: Deno.env.toObject(),
    include: (pattern) => globSync(pattern).map(readConfigFile),
    exec: succeeds,
    ...wanted,
  });
  if (config.user) return config;
  throw new UsageError(`Cannot log in to ${config.hostname}: no user is given`);
}

/** What the command line says of the destination, and of no host on the way. */
function explicitOptions(values: Values, config: SshConfig): ExplicitOptions {
  const algorithms = readAlgorithms(values, config);
  const { password, fingerprint: known } = values;
  const keys = { ...config, passwordAuthentication: false, kbdInteractiveAuthentication: false };
  return {
    ...(algorithms !== null && { algorithms }),
    ...(known !== undefined && { authenticator: checked(known) }),
    ...(password !== undefined && {
      auth: [...authOf(keys, access), ...authMethodsOf({ password })],
    }),
  };
}

/** Null if the command line says nothing of them. */
function readAlgorithms(values: Values, config: SshConfig): AlgorithmChoice | null {
  const given = [values.kex, values["host-keys"], values.ciphers, values.macs];
  if (given.every((names) => names === undefined)) return null;
  const names = (text: string | undefined) => text?.split(",").map((name) => name.trim());
  const [kex, hostKeys, ciphers, macs] = [
    names(values.kex) ?? config.kexAlgorithms,
    names(values["host-keys"]) ?? config.hostKeyAlgorithms,
    names(values.ciphers) ?? config.ciphers,
    names(values.macs) ?? config.macs,
  ];
  const choice = {
    ...(kex && { kex }),
    ...(hostKeys && { hostKeys }),
    ...(ciphers && { ciphers }),
    ...(macs && { macs }),
    ...(config.compression && { compression: ["zlib@openssh.com", "none"] }),
  };
  try {
    selectAlgorithms(choice);
    return choice;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function checked(known: string): string {
  try {
    authenticatorOf(known);
    return known;
  } catch {
    throw new UsageError(
      `Cannot use --fingerprint ${known}: it has to be a fingerprint, such as SHA256:…, or a public key`,
    );
  }
}

function tellAgreement({ info }: SshClient): void {
  const { algorithms, hostKey } = info;
  const way = ({ cipher, mac, compression }: typeof algorithms.clientToServer): string =>
    [cipher, mac, compression].map((algorithm) => algorithm?.name ?? "-").join(" ");
  console.error(`Server:      ${showable(info.serverVersion)}`);
  console.error(`Keys:        ${algorithms.kex.name}${info.strictKex ? ", strict" : ""}`);
  console.error(`Host key:    ${algorithms.hostKey} ${fingerprint(hostKey)}`);
  console.error(`To server:   ${way(algorithms.clientToServer)}`);
  console.error(`From server: ${way(algorithms.serverToClient)}`);
}
