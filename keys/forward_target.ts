/**
 * Where ports may be forwarded to, and where a server may listen for that: the options
 * `permitopen` and `permitlisten` of authorized keys.
 *
 * @module
 */

import { matchesPattern } from "./patterns.ts";

/** A host and a port. */
export interface ForwardTarget {
  /** A name or an address; `*` stands for any. Where a server may listen: a pattern. */
  readonly host: string;
  /** The port; null stands for any. */
  readonly port: number | null;
}

/** RFC 1035 allows 255; with this the longest of all ways to write one has room. */
const MAX_HOST_CHARACTERS = 1024;

/**
 * Reads `host:port`, `[host]:port`, with `*` for any port.
 *
 * @param options.barePort Whether a port may stand alone: for any host.
 * @returns Null if it is none of these.
 */
export function parseForwardTarget(
  text: string,
  options: { barePort?: boolean } = {},
): ForwardTarget | null {
  const full = options.barePort && !text.includes(":") ? `*:${text}` : text;
  const [, bracketed, plain, portText = ""] =
    /^(?:\[([^[\]\s]+)\]|([^:[\]\s]+)):(\*|\d{1,5})$/.exec(full) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || host.length > MAX_HOST_CHARACTERS) return null;
  if (portText === "*") return { host, port: null };
  const port = Number(portText);
  return port >= 1 && port <= 65535 ? { host, port } : null;
}

/**
 * Writes `host:port`.
 *
 * @throws {RangeError} If it could not be read again.
 */
export function formatForwardTarget({ host, port }: ForwardTarget): string {
  const text = `${host.includes(":") ? `[${host}]` : host}:${port ?? "*"}`;
  const read = parseForwardTarget(text);
  if (read?.host === host && read.port === port) return text;
  throw new RangeError(`Cannot write ${JSON.stringify(text)}: it is not a host and a port`);
}

/**
 * Whether a client may have a connection made to a host and port.
 *
 * @param targets Where to; null or nothing, if that is not restricted. Their hosts are compared as
 * they are: neither are they patterns, nor are names looked up.
 */
export function permitsOpen(
  targets: readonly ForwardTarget[] | null | undefined,
  host: string,
  port: number,
): boolean {
  return targets?.some((target) =>
    (target.port === null || target.port === port) && (target.host === "*" || target.host === host)
  ) ?? true;
}

/**
 * Whether a client may have the server listen.
 *
 * @param targets Where; null or nothing, if that is not restricted. Their hosts are patterns.
 * @param host What the client wants listened on, as it said: `localhost` and `127.0.0.1` are two.
 * @param port The port; 0, for any that is free, needs a target for any port.
 */
export function permitsListen(
  targets: readonly ForwardTarget[] | null | undefined,
  host: string,
  port: number,
): boolean {
  return targets?.some((target) =>
    (target.port === null || target.port === port) && matchesPattern(host, target.host)
  ) ?? true;
}
