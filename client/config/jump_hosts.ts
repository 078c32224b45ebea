/**
 * The hosts on the way: ProxyJump.
 *
 * @module
 */

/** A host on the way. What is left out, the configuration for that host says. */
export interface JumpHost {
  /** Its name or address. */
  readonly hostname: string;
  /** Who logs in there. */
  readonly user?: string;
  /** Its port, from 1 to 65535. */
  readonly port?: number;
}

/**
 * Reads hosts in the form of `ssh -J`: `[user@]host[:port]`, or `ssh://` before that, with commas
 * between them.
 *
 * @returns The hosts in the order in which they are connected to; null if one is not in the form.
 */
export function parseJumpHosts(text: string): JumpHost[] | null {
  const hosts: JumpHost[] = [];
  for (const item of text.split(",")) {
    const host = parseJumpHost(item);
    if (host === null) return null;
    hosts.push(host);
  }
  return hosts;
}

/** Writes hosts in that form. */
export function formatJumpHosts(hosts: readonly JumpHost[]): string {
  return hosts.map(({ hostname, user, port }) => {
    const name = hostname.includes(":") ? `[${hostname}]` : hostname;
    return `${user === undefined ? "" : `${user}@`}${name}${port === undefined ? "" : `:${port}`}`;
  }).join(",");
}

function parseJumpHost(text: string): JumpHost | null {
  const bare = text.startsWith("ssh://") ? text.slice(6).replace(/\/$/, "") : text;
  const at = bare.lastIndexOf("@");
  const user = bare.slice(0, Math.max(at, 0));
  if (at === 0) return null;
  const [, bracketed, plain, port] =
    /^(?:\[([^[\]/]+)\]|([^:[\]/]+))(?::([0-9]{1,5}))?$/.exec(bare.slice(at + 1)) ?? [];
  const hostname = bracketed ?? plain;
  if (hostname === undefined) return null;
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65535)) return null;
  return {
    hostname,
    ...(at > 0 && { user }),
    ...(port !== undefined && { port: Number(port) }),
  };
}
