/**
 * What a login may do: what the options of a certificate or of an authorized key come to.
 *
 * @module
 */

import type { ForwardTarget } from "./forward_target.ts";

/** What a login may do, and under which conditions. What is left out is not restricted. */
export interface Permissions {
  /**
   * What runs in the place of whatever shell, command or subsystem the client asks for: the
   * `force-command` of certificates, the `command` of authorized keys.
   */
  readonly forceCommand?: string | undefined;
  /** Variables of the environment, which the client cannot change. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** Whether sessions may have a terminal. */
  readonly pty?: boolean | undefined;
  /**
   * Whether ports and sockets may be forwarded, either way, and tunnels opened; but see
   * {@linkcode Permissions.tunnel}.
   */
  readonly portForwarding?: boolean | undefined;
  /** Where ports may be forwarded to, if not to wherever the client likes: see `permitsOpen`. */
  readonly permitOpen?: readonly ForwardTarget[] | undefined;
  /** Where the client may have the server listen, if not anywhere: see `permitsListen`. */
  readonly permitListen?: readonly ForwardTarget[] | undefined;
  /**
   * The number of the tun device that tunnels get, or `any`. Where it is given there may be one,
   * though nothing else may be forwarded. A client that leaves the choice to the server is to get
   * this one.
   */
  readonly tunnel?: string | undefined;
  /** Whether an agent may be forwarded. */
  readonly agentForwarding?: boolean | undefined;
  /** Whether X11 may be forwarded. */
  readonly x11Forwarding?: boolean | undefined;
  /** Whether the user's own start-up script, `~/.ssh/rc`, may run. */
  readonly userRc?: boolean | undefined;
  /**
   * Whether a signature of a security key has to say that somebody was there: true, unless given.
   * The options `no-touch-required` make it false.
   */
  readonly touchRequired?: boolean | undefined;
  /**
   * Whether a signature of a security key has to say who was there, by a PIN or a fingerprint:
   * false, unless given. The options `verify-required` make it true.
   */
  readonly verifyRequired?: boolean | undefined;
}

const RIGHTS = ["pty", "portForwarding", "agentForwarding", "x11Forwarding", "userRc"] as const;

/**
 * What is left when two sets of permissions hold at once, such as those of a certificate and of the
 * authorized key that is its authority: nothing is allowed that either forbids.
 *
 * @returns Null if both force a command, set a variable, or name a tun device, and not the same.
 */
export function mergePermissions(a: Permissions, b: Permissions): Permissions | null {
  const commands = [a.forceCommand, b.forceCommand].filter((command) => command !== undefined);
  const [forceCommand, other = forceCommand] = commands;
  if (other !== forceCommand) return null;
  const environment = { ...a.environment, ...b.environment };
  for (const [name, value] of Object.entries(a.environment ?? {})) {
    if (environment[name] !== value) return null;
  }
  const permitOpen = common(a.permitOpen, b.permitOpen);
  const permitListen = common(a.permitListen, b.permitListen);
  const tunnel = commonTunnel(a, b);
  if (tunnel === null) return null;
  const rights = RIGHTS.filter((right) => a[right] === false || b[right] === false)
    .map((right) => [right, false]);
  return {
    ...(forceCommand !== undefined && { forceCommand }),
    ...(Object.keys(environment).length > 0 && { environment }),
    ...(permitOpen !== undefined && { permitOpen }),
    ...(permitListen !== undefined && { permitListen }),
    ...(tunnel !== undefined && { tunnel }),
    ...Object.fromEntries(rights),
    ...(a.touchRequired === false && b.touchRequired === false && { touchRequired: false }),
    ...((a.verifyRequired || b.verifyRequired) && { verifyRequired: true }),
  };
}

/** The device of both; undefined if none is named that both permit, null if each names another. */
function commonTunnel(a: Permissions, b: Permissions): string | undefined | null {
  // Who names none permits all of them, or none.
  const permits = ({ tunnel, portForwarding, permitOpen }: Permissions): boolean =>
    tunnel !== undefined || (portForwarding !== false && permitOpen === undefined);
  if (!permits(a) || !permits(b)) return undefined;
  const named = [a.tunnel, b.tunnel].filter((tunnel) => tunnel !== undefined);
  const [tunnel = named[0], other = tunnel] = named.filter((tunnel) => tunnel !== "any");
  return tunnel === other ? tunnel : null;
}

/** Where both may forward to: what stands in both lists, if there are two. */
function common(
  a: readonly ForwardTarget[] | undefined,
  b: readonly ForwardTarget[] | undefined,
): readonly ForwardTarget[] | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.filter(({ host, port }) =>
    b.some((other) => other.host === host && other.port === port)
  );
}
