/**
 * The options of `ssh_config(5)` that mean something here.
 *
 * @module
 */

import type { Forward } from "./forwards.ts";
import type { JumpHost } from "./jump_hosts.ts";

/**
 * The options, named as in `ssh_config(5)`, with the defaults that they have there. Times are in
 * seconds, as they are there.
 */
export interface SshConfigOptions {
  /** The name or address that is connected to, whatever the user called it. */
  readonly hostname: string;
  /** Who logs in; undefined if neither the caller nor a file says. */
  readonly user?: string;
  /** The server's port. */
  readonly port: number;

  /** Which addresses are connected to. */
  readonly addressFamily: "any" | "inet" | "inet6";
  /** The local address that is connected from. */
  readonly bindAddress?: string;
  /** The local interface that is connected from. */
  readonly bindInterface?: string;
  /** How long the connection may take, in seconds; null for as long as the system lets it. */
  readonly connectTimeout: number | null;
  /** How often it is tried. */
  readonly connectionAttempts: number;
  /** Whether the system asks for signs of life. */
  readonly tcpKeepAlive: boolean;
  /** After how many seconds of silence the server is asked for a sign of life; 0 for never. */
  readonly serverAliveInterval: number;
  /** After how many questions without an answer the connection is given up. */
  readonly serverAliveCountMax: number;
  /**
   * The command, for a shell, whose input and output are the flow. Its tokens are expanded; names
   * that a shell would not take as they are have been refused.
   */
  readonly proxyCommand?: string;
  /** The hosts on the way, in order. */
  readonly proxyJump: readonly JumpHost[];

  /** Whether names are made canonical. */
  readonly canonicalizeHostname: "yes" | "no" | "always";
  /** Under which domains they are looked for. */
  readonly canonicalDomains: readonly string[];
  /** How many dots a name may have to be made canonical. */
  readonly canonicalizeMaxDots: number;
  /** Whether a name that was not found is looked up as it is. */
  readonly canonicalizeFallbackLocal: boolean;

  /** The ciphers, in order of preference: those of them that are supported. */
  readonly ciphers?: readonly string[];
  /** The methods of key exchange, likewise. */
  readonly kexAlgorithms?: readonly string[];
  /** The MACs, likewise. */
  readonly macs?: readonly string[];
  /** The signatures of host keys, likewise. */
  readonly hostKeyAlgorithms?: readonly string[];
  /** The signatures of authorities, likewise. */
  readonly caSignatureAlgorithms?: readonly string[];
  /** The signatures that the user makes, likewise. */
  readonly pubkeyAcceptedAlgorithms?: readonly string[];
  /** The signatures that the user's host makes, likewise. */
  readonly hostbasedAcceptedAlgorithms?: readonly string[];
  /** Whether data is compressed. */
  readonly compression: boolean;
  /** When keys are exchanged anew: after how many bytes and seconds; null for the default. */
  readonly rekeyLimit: { readonly bytes: number | null; readonly seconds: number | null };
  /** The fewest bits of an RSA key that are accepted. */
  readonly requiredRsaSize: number;

  /** The files of the user's private keys, in the order in which they are tried. */
  readonly identityFile: readonly string[];
  /** The files of the user's certificates. */
  readonly certificateFile: readonly string[];
  /** Whether of the agent's keys only those are tried that are among the files. */
  readonly identitiesOnly: boolean;
  /** The path of the agent's socket; null for none. */
  readonly identityAgent: string | null;
  /** The methods of authentication, in order. */
  readonly preferredAuthentications?: readonly string[];
  /** Whether keys are tried, and in which form. */
  readonly pubkeyAuthentication: "yes" | "no" | "unbound" | "host-bound";
  /** Whether a password is tried. */
  readonly passwordAuthentication: boolean;
  /** Whether the server may ask questions. */
  readonly kbdInteractiveAuthentication: boolean;
  /** Whether the host's key is tried. */
  readonly hostbasedAuthentication: boolean;
  /** How often a password is asked for. */
  readonly numberOfPasswordPrompts: number;
  /** Whether nobody is there to be asked. */
  readonly batchMode: boolean;

  /** What is done about a host key that is not known. */
  readonly strictHostKeyChecking: "yes" | "accept-new" | "ask" | "no";
  /** The user's files of known hosts. */
  readonly userKnownHostsFile: readonly string[];
  /** The system's files of known hosts. */
  readonly globalKnownHostsFile: readonly string[];
  /** The file of keys that nobody may have. */
  readonly revokedHostKeys?: string;
  /** The name by which the host key is looked up, in place of the host's own and its port. */
  readonly hostKeyAlias?: string;
  /** Whether names are hashed when they are written. */
  readonly hashKnownHosts: boolean;
  /** Whether the address is looked up, too. */
  readonly checkHostIp: boolean;
  /** Whether any key will do for this machine. */
  readonly noHostAuthenticationForLocalhost: boolean;
  /** Whether further keys that the server proves are learned. */
  readonly updateHostKeys: "yes" | "no" | "ask";
  /** Whether fingerprints are looked for in the DNS. */
  readonly verifyHostKeyDns: "yes" | "no" | "ask";
  /** Whether pictures of host keys are shown. */
  readonly visualHostKey: boolean;
  /** The hash of fingerprints that are shown. */
  readonly fingerprintHash: "MD5" | "SHA256";

  /** Ports that are listened on here. */
  readonly localForward: readonly Forward[];
  /** Ports that the server listens on. */
  readonly remoteForward: readonly Forward[];
  /** Ports that are listened on here, for SOCKS. */
  readonly dynamicForward: readonly Forward[];
  /** Whether the connection is given up if one of them cannot be had. */
  readonly exitOnForwardFailure: boolean;
  /** Whether there are none of them after all: their lists are empty then. */
  readonly clearAllForwardings: boolean;
  /** Whether other machines may connect to the ports here. */
  readonly gatewayPorts: boolean;
  /** Whether the agent is forwarded: if not the user's own, the path of its socket. */
  readonly forwardAgent: boolean | string;
  /** Whether X11 is forwarded. */
  readonly forwardX11: boolean;
  /** Whether what comes by it is trusted. */
  readonly forwardX11Trusted: boolean;
  /** For how many seconds what is not trusted may come. */
  readonly forwardX11Timeout: number;

  /** What runs. */
  readonly sessionType: "default" | "none" | "subsystem";
  /** The command, if the user gives none; its tokens are expanded. */
  readonly remoteCommand?: string;
  /** Whether there is a terminal. */
  readonly requestTty: "auto" | "yes" | "no" | "force";
  /** The character that begins a command to the client; null for none. */
  readonly escapeChar: string | null;
  /** Whether there is no input. */
  readonly stdinNull: boolean;
  /** Patterns of the environment variables that are sent. */
  readonly sendEnv: readonly string[];
  /** Environment variables that are sent whatever they are here: `NAME=value`. */
  readonly setEnv: readonly string[];
  /** How much is told. */
  readonly logLevel: LogLevel;
}

/** How much is told, from nothing to packets. */
export type LogLevel =
  | "QUIET"
  | "FATAL"
  | "ERROR"
  | "INFO"
  | "VERBOSE"
  | "DEBUG"
  | "DEBUG1"
  | "DEBUG2"
  | "DEBUG3";
