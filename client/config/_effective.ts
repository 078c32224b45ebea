/**
 * What a configuration comes to: defaults are filled in, names resolved, tokens expanded.
 *
 * @module
 */

import { certificateAlgorithm, isCertificateAlgorithm } from "../../keys/certificate_algorithms.ts";
import { supportedAlgorithms } from "../../protocol/transport/algorithms.ts";
import { resolveAlgorithms } from "./_algorithm_lists.ts";
import type { SshConfigContext } from "./context.ts";
import { Expander, unlessNone } from "./_expander.ts";
import type { SshConfigOptions } from "./options.ts";
import type { ConfigReader } from "./_reader.ts";
import type { AlgorithmOption, FirstValues } from "./_rules.ts";
import { expandHome } from "./_tokens.ts";
import { type Destination, PROXY_TOKENS, shellTokens, someTokens, tokensOf } from "./_tokens_of.ts";

const DEFAULT_PORT = 22;
const DEFAULT_KEYS = ["id_rsa", "id_ecdsa", "id_ecdsa_sk", "id_ed25519", "id_ed25519_sk"];

const SYSTEM_KNOWN_HOSTS = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"];

/** Names of signature algorithms that a user's key, or an authority's, may have. */
const SECURITY_KEYS = ["sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"];

/** The defaults of options that are what they are. */
const defaults = {
  addressFamily: "any",
  connectTimeout: null,
  connectionAttempts: 1,
  tcpKeepAlive: true,
  serverAliveInterval: 0,
  serverAliveCountMax: 3,
  canonicalizeHostname: "no",
  canonicalizeMaxDots: 1,
  canonicalizeFallbackLocal: true,
  compression: false,
  rekeyLimit: { bytes: null, seconds: null },
  requiredRsaSize: 1024,
  identitiesOnly: false,
  pubkeyAuthentication: "yes",
  passwordAuthentication: true,
  kbdInteractiveAuthentication: true,
  hostbasedAuthentication: false,
  numberOfPasswordPrompts: 3,
  batchMode: false,
  strictHostKeyChecking: "ask",
  hashKnownHosts: false,
  checkHostIp: false,
  noHostAuthenticationForLocalhost: false,
  verifyHostKeyDns: "no",
  visualHostKey: false,
  fingerprintHash: "SHA256",
  exitOnForwardFailure: false,
  clearAllForwardings: false,
  gatewayPorts: false,
  forwardX11: false,
  forwardX11Trusted: false,
  forwardX11Timeout: 1200,
  sessionType: "default",
  requestTty: "auto",
  escapeChar: "~",
  stdinNull: false,
  setEnv: [],
  logLevel: "INFO",
} as const satisfies Partial<SshConfigOptions>;

/** What is known of the destination while files are read. */
export function knownSoFar(
  { first }: ConfigReader,
  { localUser }: SshConfigContext,
  hostname: string,
): Destination {
  return {
    hostname,
    port: first.port ?? DEFAULT_PORT,
    user: first.user ?? localUser,
    hostKeyAlias: first.hostKeyAlias,
  };
}

/**
 * The name of a host that is found under no domain.
 *
 * @throws {ConfigError} If it may not be looked up as it is.
 */
export function fallbackLocal({ first, places }: ConfigReader, hostname: string): string {
  const statement = places.get("canonicalizeFallbackLocal");
  if (first.canonicalizeFallbackLocal !== false || statement === undefined) return hostname;
  throw statement.refuse("forbids to look the host up as it is, and it is in no canonical domain");
}

/**
 * What all options come to.
 *
 * @throws {ConfigError} If something in them cannot be expanded.
 */
export function effectiveOptions(
  reader: ConfigReader,
  context: SshConfigContext,
  hostname: string,
): SshConfigOptions {
  const { first } = reader;
  const destination = knownSoFar(reader, context, hostname);
  const tokens = tokensOf(context, destination);
  const expand = new Expander(reader, context, tokens);
  const hasForwards = first.clearAllForwardings !== true;
  const { user } = destination;
  return {
    ...defaults,
    ...plainOptions(first),
    ...withoutUndefined({ user }),
    hostname,
    port: destination.port,
    ...algorithmsOf(reader, context),
    canonicalDomains: unlessNone(first.canonicalDomains ?? []),
    proxyJump: expand.jumpHosts(first.proxyJump ?? []),
    ...withoutUndefined({
      proxyCommand: expand.command("proxyCommand", shellTokens(someTokens(tokens, PROXY_TOKENS))),
      remoteCommand: expand.command("remoteCommand", tokens),
      revokedHostKeys: expand.plainPath("revokedHostKeys"),
    }),
    identityFile: expand.collectedPaths("identityFile") ??
      DEFAULT_KEYS.map((name) => expandHome(`~/.ssh/${name}`, context.homeDirectory)),
    certificateFile: expand.collectedPaths("certificateFile") ?? [],
    identityAgent: identityAgentOf(expand, context),
    userKnownHostsFile: expand.paths("userKnownHostsFile") ??
      ["known_hosts", "known_hosts2"].map((name) =>
        expandHome(`~/.ssh/${name}`, context.homeDirectory)
      ),
    globalKnownHostsFile: unlessNone(first.globalKnownHostsFile ?? SYSTEM_KNOWN_HOSTS)
      .map((path) => expandHome(path, context.homeDirectory)),
    updateHostKeys: first.updateHostKeys ?? (learnsKeys(first) ? "yes" : "no"),
    forwardAgent: forwardAgentOf(expand, context),
    localForward: hasForwards ? expand.forwards("localForward") : [],
    remoteForward: hasForwards ? expand.forwards("remoteForward") : [],
    dynamicForward: hasForwards ? expand.forwards("dynamicForward") : [],
    sendEnv: Array.from(reader.collected.sendEnv.values(), ({ value }) => value),
  };
}

/** The options that are what they are in the file. */
type PlainOptions = Omit<
  { -readonly [K in keyof FirstValues]?: Exclude<FirstValues[K], undefined> },
  AlgorithmOption | "proxyCommand" | "remoteCommand" | "revokedHostKeys"
>;

/** All of them but algorithms, which are not names yet, and texts that may be `none`. */
function plainOptions(first: FirstValues): Partial<PlainOptions> {
  const {
    ciphers: _ciphers,
    kexAlgorithms: _kex,
    macs: _macs,
    hostKeyAlgorithms: _hostKeys,
    caSignatureAlgorithms: _authorities,
    pubkeyAcceptedAlgorithms: _keys,
    hostbasedAcceptedAlgorithms: _hosts,
    proxyCommand: _proxy,
    remoteCommand: _command,
    revokedHostKeys: _revoked,
    ...plain
  } = first;
  return withoutUndefined(plain);
}

/** The names that lists of algorithms stand for. */
function algorithmsOf(
  { first, places }: ConfigReader,
  { supported = {} }: SshConfigContext,
): Partial<Record<AlgorithmOption, readonly string[]>> {
  const { kex, ciphers, macs, hostKeys } = supportedAlgorithms;
  const signatures = [...supported.hostKeys ?? hostKeys, ...SECURITY_KEYS]
    .filter((name) => !isCertificateAlgorithm(name));
  const certified = signatures.map(certificateAlgorithm).filter((name) => name !== null);
  const names = (algorithms: readonly { readonly name: string }[]): string[] =>
    algorithms.map(({ name }) => name);
  const known: Readonly<Record<AlgorithmOption, readonly string[]>> = {
    ciphers: supported.ciphers ?? names(ciphers),
    kexAlgorithms: supported.kex ?? names(kex),
    macs: supported.macs ?? names(macs),
    hostKeyAlgorithms: supported.hostKeys ?? hostKeys,
    caSignatureAlgorithms: signatures,
    pubkeyAcceptedAlgorithms: [...certified, ...signatures],
    hostbasedAcceptedAlgorithms: [...certified, ...signatures],
  };
  const resolved: Partial<Record<AlgorithmOption, readonly string[]>> = {};
  for (const name of Object.keys(known) as AlgorithmOption[]) {
    const [list, statement] = [first[name], places.get(name)];
    if (list === undefined || statement === undefined) continue;
    resolved[name] = resolveAlgorithms(list, known[name], statement);
  }
  return resolved;
}

function identityAgentOf(
  expand: Expander,
  { env = {} }: SshConfigContext,
): string | null {
  const text = expand.reader.first.identityAgent ?? "SSH_AUTH_SOCK";
  if (text === "none") return null;
  if (text === "SSH_AUTH_SOCK") return env[text] || null;
  if (isVariable(text)) return env[text.slice(1)] || null;
  return expand.path("identityAgent") ?? null;
}

function forwardAgentOf(
  expand: Expander,
  { env = {} }: SshConfigContext,
): boolean | string {
  const { forwardAgent = false } = expand.reader.first;
  if (typeof forwardAgent === "boolean") return forwardAgent;
  if (isVariable(forwardAgent)) return env[forwardAgent.slice(1)] || false;
  return expand.path("forwardAgent") ?? false;
}

/** Not into files that the user has chosen, nor where the DNS tells the keys. */
function learnsKeys({ userKnownHostsFile, verifyHostKeyDns = "no" }: FirstValues): boolean {
  return userKnownHostsFile === undefined && verifyHostKeyDns === "no";
}

function isVariable(text: string): boolean {
  return text.startsWith("$") && !text.startsWith("${");
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function withoutUndefined<T extends object>(options: T): Defined<T> {
  const defined = Object.entries(options).filter(([, value]) => value !== undefined);
  return Object.fromEntries(defined) as Defined<T>;
}
