/**
 * A configuration as `ssh -G` prints it.
 *
 * @module
 */

import type { Forward, ForwardEnd, ForwardSource, SshConfig } from "../../client/config/mod.ts";

/** What is printed of each option, by its name in lower case. */
export type PrintedConfig = ReadonlyMap<string, readonly string[]>;

/** Reads what `ssh -G` has printed. */
export function readPrinted(text: string): PrintedConfig {
  const printed = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const space = line.indexOf(" ");
    if (space === -1) continue;
    const name = line.slice(0, space).toLowerCase();
    printed.set(name, [...printed.get(name) ?? [], line.slice(space + 1)]);
  }
  return printed;
}

/** Prints what we have, but for algorithms: other implementations know others. */
export function print(config: SshConfig): PrintedConfig {
  const flag = (value: boolean) => value ? "yes" : "no";
  const trueFlag = (value: string) => ({ yes: "true", no: "false" })[value] ?? value;
  const words = (value: readonly string[]) => value.length === 0 ? "none" : value.join(" ");
  const jumps = config.proxyJump.map(({ user, hostname, port }) =>
    `${user === undefined ? "" : `${user}@`}${hostname}${port === undefined ? "" : `:${port}`}`
  );
  const one: Readonly<Record<string, string | number | undefined>> = {
    hostname: config.hostname,
    user: config.user,
    port: config.port,
    addressfamily: config.addressFamily,
    bindaddress: config.bindAddress,
    bindinterface: config.bindInterface,
    connecttimeout: config.connectTimeout ?? "none",
    connectionattempts: config.connectionAttempts,
    tcpkeepalive: flag(config.tcpKeepAlive),
    serveraliveinterval: config.serverAliveInterval,
    serveralivecountmax: config.serverAliveCountMax,
    proxycommand: config.proxyCommand,
    proxyjump: jumps.join(",") || undefined,
    canonicalizehostname: trueFlag(config.canonicalizeHostname),
    canonicaldomains: words(config.canonicalDomains),
    canonicalizemaxdots: config.canonicalizeMaxDots,
    canonicalizefallbacklocal: flag(config.canonicalizeFallbackLocal),
    compression: flag(config.compression),
    rekeylimit: `${config.rekeyLimit.bytes ?? 0} ${config.rekeyLimit.seconds ?? 0}`,
    requiredrsasize: config.requiredRsaSize,
    identitiesonly: flag(config.identitiesOnly),
    preferredauthentications: config.preferredAuthentications?.join(","),
    pubkeyauthentication: trueFlag(config.pubkeyAuthentication),
    passwordauthentication: flag(config.passwordAuthentication),
    kbdinteractiveauthentication: flag(config.kbdInteractiveAuthentication),
    hostbasedauthentication: flag(config.hostbasedAuthentication),
    numberofpasswordprompts: config.numberOfPasswordPrompts,
    batchmode: flag(config.batchMode),
    stricthostkeychecking: trueFlag(config.strictHostKeyChecking),
    userknownhostsfile: words(config.userKnownHostsFile),
    globalknownhostsfile: words(config.globalKnownHostsFile),
    revokedhostkeys: config.revokedHostKeys,
    hostkeyalias: config.hostKeyAlias,
    hashknownhosts: flag(config.hashKnownHosts),
    checkhostip: flag(config.checkHostIp),
    nohostauthenticationforlocalhost: flag(config.noHostAuthenticationForLocalhost),
    updatehostkeys: trueFlag(config.updateHostKeys),
    verifyhostkeydns: trueFlag(config.verifyHostKeyDns),
    visualhostkey: flag(config.visualHostKey),
    fingerprinthash: config.fingerprintHash,
    exitonforwardfailure: flag(config.exitOnForwardFailure),
    clearallforwardings: flag(config.clearAllForwardings),
    gatewayports: flag(config.gatewayPorts),
    forwardagent: typeof config.forwardAgent === "string"
      ? config.forwardAgent
      : flag(config.forwardAgent),
    forwardx11: flag(config.forwardX11),
    forwardx11trusted: flag(config.forwardX11Trusted),
    forwardx11timeout: config.forwardX11Timeout,
    sessiontype: config.sessionType,
    remotecommand: config.remoteCommand,
    requesttty: trueFlag(config.requestTty),
    escapechar: escapeCharacter(config.escapeChar),
    stdinnull: flag(config.stdinNull),
    loglevel: config.logLevel === "DEBUG" ? "DEBUG" : config.logLevel,
  };
  const printed = new Map<string, readonly string[]>(
    Object.entries(one).map(([name, value]) => [name, value === undefined ? [] : [`${value}`]]),
  );
  printed.set("identityfile", config.identityFile);
  printed.set("certificatefile", config.certificateFile);
  printed.set("sendenv", config.sendEnv);
  printed.set("setenv", config.setEnv);
  printed.set("localforward", config.localForward.map(forward));
  printed.set(
    "remoteforward",
    config.remoteForward.map((one) => `${forward(one)}${one.connect ? "" : " [socks]:0"}`),
  );
  printed.set("dynamicforward", config.dynamicForward.map(forward));
  return printed;
}

function forward({ listen, connect }: Forward): string {
  return connect === null ? end(listen) : `${end(listen)} ${end(connect)}`;
}

function end(value: ForwardEnd | ForwardSource): string {
  if ("path" in value) return value.path;
  return "hostname" in value ? `[${value.hostname}]:${value.port}` : `${value.port}`;
}

function escapeCharacter(character: string | null): string {
  if (character === null) return "none";
  const code = character.charCodeAt(0);
  return code < 32 ? `\\^${String.fromCharCode(code + 64)}` : character;
}
