/**
 * What a login may do, by its permissions.
 *
 * @module
 */

import { permitsListen, permitsOpen } from "../keys/forward_target.ts";
import type { Permissions } from "../keys/permissions.ts";
import { SshError } from "../wire/errors.ts";
import { Reader } from "../wire/reader.ts";

/** What a session runs. */
export interface SessionProgram {
  /** The command; null for a shell or a subsystem. */
  readonly command: string | null;
  /** The name of the subsystem; null for a shell or a command. */
  readonly subsystem: string | null;
}

/** The variable in which a forced command finds what the client asked for. */
export const ORIGINAL_COMMAND = "SSH_ORIGINAL_COMMAND";

/** The command that is not one: OpenSSH's servers do it themselves. */
const INTERNAL_SFTP = "internal-sftp";

/** No name of a host is longer. */
const MAX_HOST_BYTES = 1024;

/** Types of channels by which a client has the server connect to something. */
const FORWARDING_CHANNELS: readonly string[] = [
  "direct-tcpip",
  "direct-streamlocal@openssh.com",
];

/** OpenSSH's PROTOCOL section 2.3: the type of channels that carry packets of a tun device. */
const TUNNEL = "tun@openssh.com";

/** The number by which a client leaves it to the server which device a tunnel gets. */
const ANY_DEVICE = 0x7fffffff;

/** The permissions that requests of sessions need, by the requests' names. */
const SESSION_RIGHTS = {
  "auth-agent-req@openssh.com": "agentForwarding",
  "x11-req": "x11Forwarding",
} as const;

/** Requests by which a client has the server listen. */
const FORWARDING_REQUESTS: readonly string[] = [
  "tcpip-forward",
  "streamlocal-forward@openssh.com",
];

/**
 * What runs where a client asks for something.
 *
 * @returns Null if that is not allowed.
 */
export function permittedProgram(
  asked: SessionProgram,
  { forceCommand }: Permissions,
): SessionProgram | null {
  if (forceCommand === undefined) return asked;
  if (forceCommand !== INTERNAL_SFTP) return { command: forceCommand, subsystem: null };
  return asked.subsystem === null ? null : { command: null, subsystem: "sftp" };
}

/** The value of `SSH_ORIGINAL_COMMAND`; null where there is to be none. */
export function originalCommand(
  { command, subsystem }: SessionProgram,
  { forceCommand }: Permissions,
): string | null {
  return forceCommand === undefined ? null : command ?? subsystem;
}

/** Whether a client may set a variable: not one that is to tell about it. */
export function permitsVariable(name: string, { environment = {} }: Permissions): boolean {
  return name !== ORIGINAL_COMMAND && !Object.hasOwn(environment, name);
}

/** Whether a client may open a channel, if the server's own policy lets it. */
export function permitsChannel(type: string, extra: Uint8Array, permissions: Permissions): boolean {
  if (type === TUNNEL) return permitsTunnel(extra, permissions);
  if (!FORWARDING_CHANNELS.includes(type)) return true;
  const { portForwarding = true, permitOpen } = permissions;
  if (!portForwarding || permitOpen === undefined) return portForwarding;
  // As with OpenSSH: where hosts and ports are listed, nothing else is meant.
  const target = type === "direct-tcpip" ? targetOf(extra) : null;
  return target !== null && permitsOpen(permitOpen, target.host, target.port);
}

/** Whether a client may make a global request, if the server's own policy lets it. */
export function permitsRequest(
  name: string,
  payload: Uint8Array,
  permissions: Permissions,
): boolean {
  if (!FORWARDING_REQUESTS.includes(name)) return true;
  const { portForwarding = true, permitListen } = permissions;
  if (!portForwarding || permitListen === undefined) return portForwarding;
  const target = name === "tcpip-forward" ? targetOf(payload) : null;
  return target !== null && permitsListen(permitListen, target.host, target.port);
}

/** Whether a client may make a request in a session, if the server's own policy lets it. */
export function permitsSessionRequest(name: string, permissions: Permissions): boolean {
  const right = Object.hasOwn(SESSION_RIGHTS, name)
    ? SESSION_RIGHTS[name as keyof typeof SESSION_RIGHTS]
    : null;
  return right === null || permissions[right] !== false;
}

function permitsTunnel(extra: Uint8Array, permissions: Permissions): boolean {
  const { portForwarding = true, permitOpen, tunnel } = permissions;
  // As with OpenSSH: a device that is named is meant, whatever is said of hosts and ports.
  if (tunnel === undefined) return portForwarding && permitOpen === undefined;
  const device = deviceOf(extra);
  if (device === null || device === ANY_DEVICE) return device !== null;
  return tunnel === "any" || device === Number(tunnel);
}

/** OpenSSH's PROTOCOL section 2.3: the mode, and the number of the device. */
function deviceOf(extra: Uint8Array): number | null {
  return read(extra, "tunnel", (reader) => {
    reader.uint32("mode");
    return reader.uint32("device");
  });
}

/** RFC 4254 sections 7.1 and 7.2: both begin with a host and a port. */
function targetOf(payload: Uint8Array): { host: string; port: number } | null {
  return read(
    payload,
    "forwarding",
    (reader) => ({ host: reader.text("host", MAX_HOST_BYTES), port: reader.uint32("port") }),
  );
}

/** @returns Null if it is malformed. */
function read<T>(payload: Uint8Array, what: string, fields: (reader: Reader) => T): T | null {
  try {
    return fields(new Reader(payload, what));
  } catch (error) {
    if (error instanceof SshError) return null;
    throw error;
  }
}
