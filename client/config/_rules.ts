/**
 * How each option is read.
 *
 * @module
 */

import { matchesPattern } from "../../keys/patterns.ts";
import { type AlgorithmList, readAlgorithmList } from "./_algorithm_lists.ts";
import { quoted } from "./config_error.ts";
import { type Forward, parseForward } from "./forwards.ts";
import { type JumpHost, parseJumpHosts } from "./jump_hosts.ts";
import type { LogLevel, SshConfigOptions } from "./options.ts";
import type { Statement } from "./_statements.ts";
import { readChoice, readFlag, readNumber, readSize, readTime } from "./_values.ts";

/** A value that a file gives, before names are resolved and tokens are expanded. */
type Raw<K extends keyof SshConfigOptions> = NonNullable<SshConfigOptions[K]> extends readonly (
  infer Item
)[] ? K extends AlgorithmOption ? AlgorithmList
  : Item[]
  : Exclude<SshConfigOptions[K], undefined>;

/** The options that are lists of algorithms. */
export type AlgorithmOption =
  | "ciphers"
  | "kexAlgorithms"
  | "macs"
  | "hostKeyAlgorithms"
  | "caSignatureAlgorithms"
  | "pubkeyAcceptedAlgorithms"
  | "hostbasedAcceptedAlgorithms";

/** The options to which every line adds. */
export type CollectedOption =
  | "identityFile"
  | "certificateFile"
  | "localForward"
  | "remoteForward"
  | "dynamicForward"
  | "sendEnv";

/** The options whose first line counts. */
export type FirstOption = Exclude<keyof SshConfigOptions, CollectedOption>;

type RawOptions = { [K in FirstOption]: Raw<K> };

/** What a line says of an option: undefined if it leaves that to others. */
export type FirstRules = {
  readonly [K in FirstOption]: (statement: Statement) => RawOptions[K] | undefined;
};

/** Values by what makes two of them the same, and where they stand. */
export type Collection<T> = Map<string, { readonly value: T; readonly statement: Statement }>;

/** What a line adds to an option. */
export type CollectingRules = {
  readonly [K in CollectedOption]: (
    statement: Statement,
  ) => (into: Collection<SshConfigOptions[K][number]>) => void;
};

/** The values of first lines. */
export type FirstValues = { [K in FirstOption]?: RawOptions[K] | undefined };

const yesNoAsk = { yes: "yes", no: "no", ask: "ask", true: "yes", false: "no" } as const;

const levels: Readonly<Record<string, LogLevel>> = {
  quiet: "QUIET",
  fatal: "FATAL",
  error: "ERROR",
  info: "INFO",
  verbose: "VERBOSE",
  debug: "DEBUG",
  debug1: "DEBUG1",
  debug2: "DEBUG2",
  debug3: "DEBUG3",
};

/** The options whose first line counts. */
export const firstRules: FirstRules = {
  hostname: readText,
  user: readText,
  port: (statement) => readNumber(statement, 1, 65535),
  addressFamily: (statement) =>
    readChoice(statement, { any: "any", inet: "inet", inet6: "inet6" } as const),
  bindAddress: readText,
  bindInterface: readText,
  connectTimeout: readTimeOrNone,
  connectionAttempts: (statement) => readNumber(statement, 1),
  tcpKeepAlive: readFlag,
  serverAliveInterval: readTimeOrNone,
  serverAliveCountMax: (statement) => readNumber(statement),
  proxyCommand: readCommand,
  proxyJump: readJump,
  canonicalizeHostname: (statement) =>
    readChoice(
      statement,
      { yes: "yes", no: "no", always: "always", true: "yes", false: "no" } as const,
    ),
  canonicalDomains: readDomains,
  canonicalizeMaxDots: (statement) => readNumber(statement),
  canonicalizeFallbackLocal: readFlag,
  ciphers: readAlgorithmList,
  kexAlgorithms: readAlgorithmList,
  macs: readAlgorithmList,
  hostKeyAlgorithms: readAlgorithmList,
  caSignatureAlgorithms: readAlgorithmList,
  pubkeyAcceptedAlgorithms: readAlgorithmList,
  hostbasedAcceptedAlgorithms: readAlgorithmList,
  compression: (statement) => readChoice(statement, { yes: true, no: false }),
  rekeyLimit: readRekeyLimit,
  requiredRsaSize: (statement) => readNumber(statement),
  identitiesOnly: readFlag,
  identityAgent: readText,
  preferredAuthentications: (statement) => readText(statement).split(","),
  pubkeyAuthentication: (statement) =>
    readChoice(
      statement,
      {
        yes: "yes",
        no: "no",
        unbound: "unbound",
        "host-bound": "host-bound",
        true: "yes",
        false: "no",
      } as const,
    ),
  passwordAuthentication: readFlag,
  kbdInteractiveAuthentication: readFlag,
  hostbasedAuthentication: readFlag,
  numberOfPasswordPrompts: (statement) => readNumber(statement),
  batchMode: readFlag,
  strictHostKeyChecking: (statement) =>
    readChoice(
      statement,
      { ...yesNoAsk, off: "no", "accept-new": "accept-new" } as const,
    ),
  userKnownHostsFile: readAll,
  globalKnownHostsFile: readAll,
  revokedHostKeys: readText,
  hostKeyAlias: (statement) => readText(statement).toLowerCase(),
  hashKnownHosts: readFlag,
  checkHostIp: readFlag,
  noHostAuthenticationForLocalhost: readFlag,
  updateHostKeys: (statement) => readChoice(statement, yesNoAsk),
  verifyHostKeyDns: (statement) => readChoice(statement, yesNoAsk),
  visualHostKey: readFlag,
  fingerprintHash: (statement) => readChoice(statement, { md5: "MD5", sha256: "SHA256" } as const),
  exitOnForwardFailure: readFlag,
  clearAllForwardings: readFlag,
  gatewayPorts: readFlag,
  forwardAgent: readForwardAgent,
  forwardX11: readFlag,
  forwardX11Trusted: readFlag,
  forwardX11Timeout: readTimeOrNone,
  sessionType: (statement) =>
    readChoice(
      statement,
      { none: "none", subsystem: "subsystem", default: "default" } as const,
    ),
  remoteCommand: readCommand,
  requestTty: (statement) =>
    readChoice(
      statement,
      { auto: "auto", yes: "yes", no: "no", force: "force", true: "yes", false: "no" } as const,
    ),
  escapeChar: readEscapeCharacter,
  stdinNull: readFlag,
  setEnv: readVariables,
  logLevel: (statement) => readChoice(statement, levels),
};

/** The options to which every line adds. */
export const collectingRules: CollectingRules = {
  identityFile: collectText,
  certificateFile: collectText,
  localForward: (statement) => collectForward(statement, { isDynamic: false, isRemote: false }),
  remoteForward: (statement) => collectForward(statement, { isDynamic: false, isRemote: true }),
  dynamicForward: (statement) => collectForward(statement, { isDynamic: true, isRemote: false }),
  sendEnv: collectPatterns,
};

/**
 * Further options that `ssh` has, for what is not here, or is the caller's: their arguments are
 * kept as they are.
 */
export const otherKeywords: ReadonlySet<string> = new Set([
  "addkeystoagent",
  "canonicalizepermittedcnames",
  "channeltimeout",
  "controlmaster",
  "controlpath",
  "controlpersist",
  "enableescapecommandline",
  "enablesshkeysign",
  "forkafterauthentication",
  "gssapiauthentication",
  "gssapiclientidentity",
  "gssapidelegatecredentials",
  "gssapikexalgorithms",
  "gssapikeyexchange",
  "gssapirenewalforcesrekey",
  "gssapiserveridentity",
  "gssapitrustdns",
  "ignoreunknown",
  "ipqos",
  "kbdinteractivedevices",
  "knownhostscommand",
  "localcommand",
  "logverbose",
  "obscurekeystroketiming",
  "permitlocalcommand",
  "permitremoteopen",
  "pkcs11provider",
  "proxyusefdpass",
  "refuseconnection",
  "securitykeyprovider",
  "streamlocalbindmask",
  "streamlocalbindunlink",
  "syslogfacility",
  "tag",
  "tunnel",
  "tunneldevice",
  "versionaddendum",
  "warnweakcrypto",
  "xauthlocation",
]);

/** Those of them whose argument is the rest of the line. */
export const commandKeywords: ReadonlySet<string> = new Set(["knownhostscommand", "localcommand"]);

/** Options of former times, which do nothing. */
export const formerKeywords: ReadonlySet<string> = new Set([
  "afstokenpassing",
  "cipher",
  "compressionlevel",
  "fallbacktorsh",
  "globalknownhostsfile2",
  "kerberosauthentication",
  "kerberostgtpassing",
  "protocol",
  "rhostsauthentication",
  "rhostsrsaauthentication",
  "rsaauthentication",
  "smartcarddevice",
  "useprivilegedport",
  "userknownhostsfile2",
  "useroaming",
  "usersh",
]);

/** Former names of options. */
export const keywordAliases: ReadonlyMap<string, string> = new Map([
  ["challengeresponseauthentication", "kbdinteractiveauthentication"],
  ["dsaauthentication", "pubkeyauthentication"],
  ["hostbasedacceptedkeytypes", "hostbasedacceptedalgorithms"],
  ["hostbasedkeytypes", "hostbasedacceptedalgorithms"],
  ["identityfile2", "identityfile"],
  ["keepalive", "tcpkeepalive"],
  ["pubkeyacceptedkeytypes", "pubkeyacceptedalgorithms"],
  ["skeyauthentication", "kbdinteractiveauthentication"],
  ["tisauthentication", "kbdinteractiveauthentication"],
]);

function readText(statement: Statement): string {
  return statement.need();
}

function readAll(statement: Statement): string[] | undefined {
  const words = statement.rest();
  return words.length === 0 ? undefined : words;
}

function readDomains(statement: Statement): string[] | undefined {
  return readAll(statement)?.map((word) => {
    const domain = word.replace(/\.$/, "").toLowerCase();
    if (/^[a-z0-9][a-z0-9_.-]*$/.test(domain) && !domain.includes("..")) return domain;
    throw statement.refuse(`has to be names of domains, and is ${quoted(word)}`);
  });
}

/** The rest of the line, quotes, comments and all: a shell is to read it. */
export function readCommand(statement: Statement): string {
  statement.skip();
  return statement.text.replace(/^[ \t\r\n=]+/, "");
}

/** `none` leaves it to later lines. */
function readTimeOrNone(statement: Statement): number | undefined {
  const text = statement.need();
  return text === "none" ? undefined : readTime(statement, text);
}

function readJump(statement: Statement): JumpHost[] {
  const text = statement.text.replace(/^[ \t\r\n=]+/, "");
  statement.skip();
  if (text.toLowerCase() === "none") return [];
  const hosts = parseJumpHosts(text);
  if (hosts !== null) return hosts;
  throw statement.refuse(
    `has to be none, or [user@]host[:port] with commas between them, and is ${quoted(text)}`,
  );
}

function readRekeyLimit(statement: Statement): SshConfigOptions["rekeyLimit"] {
  const size = statement.need();
  const bytes = size === "default" ? 0 : readSize(statement, size);
  if (bytes > 0 && bytes < 16) throw statement.refuse("has to be at least 16 bytes");
  const time = statement.next();
  const seconds = time === null || time === "none" ? 0 : readTime(statement, time);
  return { bytes: bytes || null, seconds: seconds || null };
}

function readForwardAgent(statement: Statement): boolean | string {
  const text = statement.need();
  const word = text.toLowerCase();
  if (word === "yes" || word === "true") return true;
  return word === "no" || word === "false" ? false : text;
}

function readEscapeCharacter(statement: Statement): string | null {
  const text = statement.need();
  if (text === "none") return null;
  if (text.length === 1) return text;
  if (text.length === 2 && text.startsWith("^")) {
    const code = text.charCodeAt(1);
    if (code >= 64 && code < 128) return String.fromCharCode(code & 31);
  }
  throw statement.refuse(
    `has to be one character, ^ and a letter, or none, and is ${quoted(text)}`,
  );
}

function readVariables(statement: Statement): string[] | undefined {
  const variables = new Map<string, string>();
  for (const word of statement.rest()) {
    const equals = word.indexOf("=");
    if (equals === -1) {
      throw statement.refuse(`has to be NAME=value, and is ${quoted(word)}`);
    }
    const name = word.slice(0, equals);
    if (!variables.has(name)) variables.set(name, word);
  }
  return variables.size === 0 ? undefined : [...variables.values()];
}

function collectText(statement: Statement): (into: Collection<string>) => void {
  const value = statement.need();
  return (into) => add(into, value, value, statement);
}

function collectForward(
  statement: Statement,
  { isDynamic, isRemote }: { isDynamic: boolean; isRemote: boolean },
): (into: Collection<Forward>) => void {
  const listen = statement.need();
  const connect = isDynamic ? null : statement.next();
  const hasTarget = connect !== null && connect !== "";
  const forward = hasTarget || isDynamic || isRemote
    ? parseForward(hasTarget ? `${listen}:${connect}` : listen, { isDynamic: !hasTarget, isRemote })
    : null;
  if (forward === null) {
    const target = isDynamic ? "" : " host:port";
    throw statement.refuse(
      `has to be [address:]port${target}, or the path of a socket instead of either, ` +
        `and is ${quoted(statement.text)}`,
    );
  }
  return (into) => add(into, JSON.stringify(forward), forward, statement);
}

/** What begins with `-` takes away what has been there. */
function collectPatterns(statement: Statement): (into: Collection<string>) => void {
  const words = statement.rest();
  const wrong = words.find((word) => word.includes("="));
  if (wrong !== undefined) {
    throw statement.refuse(`has to be patterns of names, and is ${quoted(wrong)}`);
  }
  return (into) => {
    for (const word of words) {
      if (!word.startsWith("-")) {
        add(into, word, word, statement);
        continue;
      }
      for (const had of [...into.keys()]) {
        if (matchesPattern(had, word.slice(1))) into.delete(had);
      }
    }
  };
}

/** More than anybody has. */
const MAX_COLLECTED = 1000;

function add<T>(into: Collection<T>, key: string, value: T, statement: Statement): void {
  if (into.has(key)) return;
  if (into.size >= MAX_COLLECTED) {
    throw statement.refuse(`stands there more than ${MAX_COLLECTED} times`);
  }
  into.set(key, { value, statement });
}
