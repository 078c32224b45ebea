/**
 * Logs in to a server, as `ssh` does: runs a command there, or a shell.
 *
 * ```sh
 * deno task ssh ada@server.example uname -a
 * deno task ssh --identity id_ed25519 --fingerprint SHA256:… ada@server.example:2222
 * deno task ssh --config ~/.ssh/config server
 * ```
 *
 * @module
 */

import { globSync } from "node:fs";
import { parseArgs } from "node:util";
import {
  authenticatorOf,
  authMethodsOf,
  type ClientAuthMethod,
  type ConfigFile,
  connect,
  describeKey,
  fingerprint,
  HostKeyError,
  type HostKeyOptions,
  type HostKeyQuestion,
  keyboardInteractive,
  KeyFormatError,
  knownHosts,
  type KnownHostsStore,
  parsePrivateKey,
  parseSshConfig,
  password,
  type PrivateKey,
  publicKey,
  selectAlgorithms,
  type SshClient,
  type SshConfig,
  SshError,
  type SshProcess,
} from "@sshflow/ssh";
import * as terminal from "./terminal.ts";

const help = `Log in to a server over SSH, and run a command there, or a shell.

Usage: deno task ssh [options] [USER@]HOST[:PORT] [COMMAND…]

  -p, --port PORT          the server's port (default: 22)
  -l, --login NAME         the user's name (default: $USER)
  -i, --identity FILE      a private key to log in with; may be given more than once
  -F, --config FILE        options as ssh has them, such as ~/.ssh/config: for names of hosts,
                           ports, users, identities and algorithms; what is said here counts first
      --password TEXT      the password; without it, it is asked for
      --known-hosts FILE   the hosts that are known, as in ~/.ssh/known_hosts; a new one is asked
                           about, and written there
      --fingerprint TEXT   the server's host key, such as SHA256:…; without it, you are asked
  -t, --tty                ask for a terminal, also for a command
  -T, --no-tty             ask for none, also for a shell
  -C, --compress           compress what is sent, both ways
      --kex NAMES          algorithms to offer for the key exchange, separated by commas
      --host-keys NAMES    likewise for the signature of the host key
      --ciphers NAMES      likewise for encryption
      --macs NAMES         likewise for message authentication
  -v, --verbose            say what was agreed on
  -h, --help               show this

It ends with the status of what ran, or with 255 if something went wrong.
`;

const options = {
  port: { type: "string", short: "p" },
  login: { type: "string", short: "l" },
  identity: { type: "string", short: "i", multiple: true },
  config: { type: "string", short: "F" },
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

/** Where to log in, and as whom. */
interface Target {
  readonly user: string;
  readonly hostname: string;
  readonly port: number;
}

/** What is wrong with the command line, or with what it names. */
class UsageError extends Error {}

const FAILED = 255;
const PASSWORD_ATTEMPTS = 3;

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
    const wanted = readDestination(values, destination);
    const config = await readConfig(values.config, wanted);
    return await run(values, targetOf(wanted, config), command, config);
  } catch (error) {
    // Whatever is not a bug is said in one line; a bug shows its stack.
    if (!(error instanceof UsageError || error instanceof SshError)) throw error;
    console.error(error.message);
    return FAILED;
  }
}

async function run(
  values: Values,
  target: Target,
  command: string,
  config: SshConfig,
): Promise<number> {
  const algorithms = readAlgorithms(values, config);
  const hostKey = readHostKey(values, config);
  const configured = config.given.has("identityFile") ? config.identityFile : [];
  const keys = await readKeys(values.identity ?? configured);
  const conn = await dial(target);
  const { user, hostname, port } = target;
  await using ssh = await connect(conn, {
    user,
    hostname,
    port,
    auth: readAuth(values, target, keys),
    algorithms,
    onBanner: (banner) => console.error(showable(banner).trimEnd()),
    ...hostKey,
  });
  if (values.verbose) tellAgreement(ssh);
  const wantsTerminal = values.tty || (command === "" && terminal.isInteractive());
  const pty = wantsTerminal && !values["no-tty"]
    ? { term: Deno.env.get("TERM") || "vt100", ...terminal.windowSize() }
    : undefined;
  const settings = pty === undefined ? {} : { pty };
  const child = command === "" ? ssh.shell(settings) : ssh.command(command, settings).spawn();
  const joined = (): Promise<number> => join(child);
  if (pty === undefined || !terminal.isInteractive()) return await joined();
  await child.started;
  const stopTelling = terminal.onResize((columns, rows) => child.resize(columns, rows));
  try {
    return await terminal.inRawMode(joined);
  } finally {
    stopTelling();
  }
}

/** Connects the process there with this one. */
async function join(child: SshProcess): Promise<number> {
  // When it has ended, nobody is left to read the rest.
  terminal.input().pipeTo(child.stdin).catch(() => {});
  try {
    const [status] = await Promise.all([
      child.status,
      child.stdout.pipeTo(Deno.stdout.writable, { preventClose: true }),
      child.stderr.pipeTo(Deno.stderr.writable, { preventClose: true }),
    ]);
    if (status.code !== null) return status.code;
    throw new UsageError(
      status.signal === null
        ? "The server did not say how the command has ended"
        : `The command was ended by ${status.signal}`,
    );
  } catch (error) {
    // As with `ssh … | head`: who reads the output has had enough.
    if (error instanceof Deno.errors.BrokenPipe) return FAILED;
    throw error;
  }
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

/** What the command line says of the target, in the form of `parseSshConfig`. */
interface Wanted {
  readonly host: string;
  readonly user?: string;
  readonly port?: number;
}

function readDestination(values: Values, destination: string | undefined): Wanted {
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

/** Reads a configuration; without a file it says no more than the command line. */
async function readConfig(path: string | undefined, wanted: Wanted): Promise<SshConfig> {
  const [localUser, homeDirectory] = [
    Deno.env.get("USER") || Deno.env.get("LOGNAME"),
    Deno.env.get("HOME"),
  ];
  return await parseSshConfig(path === undefined ? [] : [readConfigFile(path)], {
    ...wanted,
    ...(localUser && { localUser }),
    ...(homeDirectory && { homeDirectory }),
    env: Deno.env.toObject(),
    include: (pattern) => globSync(pattern).map(readConfigFile),
  });
}

function readConfigFile(path: string): ConfigFile {
  try {
    return { path, text: Deno.readTextFileSync(path) };
  } catch (error) {
    throw cannot(`read ${path}`, error);
  }
}

function targetOf({ host }: Wanted, config: SshConfig): Target {
  const { user, hostname, port, proxyCommand, proxyJump } = config;
  if (proxyCommand !== undefined || proxyJump.length > 0) {
    throw new UsageError(
      `Cannot connect to ${host}: the configuration has a proxy on the way, which this tool has not`,
    );
  }
  if (!user) throw new UsageError(`Cannot log in to ${hostname}: no user is given`);
  return { user, hostname, port };
}

function readPort(text: string): number {
  const port = /^[0-9]{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65535) return port;
  throw new UsageError(`Cannot connect to port ${text}: it has to be 1 to 65535`);
}

function readAlgorithms(values: Values, config: SshConfig) {
  const names = (text: string | undefined) => text?.split(",").map((name) => name.trim());
  const [kex, hostKeys, ciphers, macs] = [
    names(values.kex) ?? config.kexAlgorithms,
    names(values["host-keys"]) ?? config.hostKeyAlgorithms,
    names(values.ciphers) ?? config.ciphers,
    names(values.macs) ?? config.macs,
  ];
  try {
    return selectAlgorithms({
      ...(kex && { kex }),
      ...(hostKeys && { hostKeys }),
      ...(ciphers && { ciphers }),
      ...(macs && { macs }),
      ...((values.compress || config.compression) && { compression: ["zlib@openssh.com", "none"] }),
    });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

async function readKeys(paths: readonly string[]): Promise<PrivateKey[]> {
  const keys: PrivateKey[] = [];
  for (const path of paths) {
    let text: string;
    try {
      text = await Deno.readTextFile(path);
    } catch (error) {
      throw cannot(`read ${path}`, error);
    }
    const passphrase = async () => await terminal.askSecret(`Passphrase for ${path}: `) ?? "";
    try {
      keys.push(await parsePrivateKey(text, terminal.isInteractive() ? { passphrase } : {}));
    } catch (error) {
      if (!(error instanceof KeyFormatError)) throw error;
      throw new UsageError(`${path}: ${error.message}`);
    }
  }
  return keys;
}

async function dial({ hostname, port }: Target): Promise<Deno.TcpConn> {
  try {
    return await Deno.connect({ hostname, port });
  } catch (error) {
    throw cannot(`connect to ${hostname} port ${port}`, error);
  }
}

function readAuth(
  values: Values,
  { user, hostname }: Target,
  keys: readonly PrivateKey[],
): readonly ClientAuthMethod[] {
  const methods: ClientAuthMethod[] = keys.map((key) => publicKey(key));
  if (values.password !== undefined) {
    methods.push(...authMethodsOf({ password: values.password }));
  } else if (terminal.isInteractive()) {
    methods.push(...askingMethods(`${user}@${hostname}`));
  }
  return methods;
}

function askingMethods(who: string): readonly ClientAuthMethod[] {
  const questions = () =>
    keyboardInteractive(async ({ name, instruction, prompts }) => {
      for (const text of [name, instruction]) if (text !== "") console.error(showable(text));
      const answers: string[] = [];
      for (const { prompt, echo } of prompts) {
        const answer = await (echo ? terminal.ask : terminal.askSecret)(showable(prompt));
        if (answer === null) return null;
        answers.push(answer);
      }
      return answers;
    });
  return [
    ...Array.from({ length: PASSWORD_ATTEMPTS }, questions),
    password(() => terminal.askSecret(`${who}'s password: `)),
  ];
}

function readHostKey(values: Values, config: SshConfig): HostKeyOptions {
  if (values.fingerprint !== undefined) return { authenticator: checked(values.fingerprint) };
  const configured = config.given.has("userKnownHostsFile") ? config.userKnownHostsFile : [];
  const paths = values["known-hosts"] === undefined ? configured : [values["known-hosts"]];
  if (paths.length === 0) {
    return { verifyHostKey: (key, context) => askAboutHost({ key, ...context }) };
  }
  const { strictHostKeyChecking: checking, hashKnownHosts: hash } = config;
  const policy = checking === "accept-new"
    ? checking
    : checking === "yes"
    ? "strict"
    : askAboutHost;
  return { verifyHostKey: knownHosts(paths.map(storeAt), { policy, hash }) };
}

function storeAt(path: string): KnownHostsStore {
  return {
    read: () => Deno.readTextFile(path),
    write: (text) => Deno.writeTextFile(path, text, { mode: 0o600 }),
  };
}

async function askAboutHost(
  { key, hostname, port, status }: Partial<HostKeyQuestion> & Pick<HostKeyQuestion, "key">,
): Promise<boolean> {
  const print = fingerprint(key);
  const { kind } = describeKey(key);
  if (!terminal.isInteractive()) {
    throw new HostKeyError(
      `Cannot trust ${hostname} port ${port}: there is no terminal to ask whether its ${kind} ` +
        `key ${print} is right; if it is, say --fingerprint ${print}`,
      { status: status ?? "not-known", key: key.blob },
    );
  }
  console.error(`The ${kind} key of ${hostname} port ${port} is ${print}.`);
  if (status === "found-other") console.error("It has been known by keys of other types.");
  for (;;) {
    const answer = (await terminal.ask("Is that right (yes, no, or the fingerprint)? "))?.trim();
    if (answer === "yes" || answer === print) return true;
    if (answer === undefined || answer === "no") return false;
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

/** The peer's text, without what would make a terminal do more than show it. */
function showable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/g, "\ufffd");
}

function cannot(what: string, error: unknown): UsageError {
  const why = (error as Error).message.replace(/ \(os error \d+\).*$/s, "");
  return new UsageError(`Cannot ${what}: ${why}`);
}
