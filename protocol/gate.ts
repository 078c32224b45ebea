/**
 * The gate: which messages may come when. Every packet that arrives is held against this one
 * table before anything else looks at it.
 *
 * @module
 */

import { Msg } from "../wire/message_numbers.ts";

/** Which end of the connection this is. */
export type Role = "client" | "server";

/**
 * How far the connection has come: the first key exchange; waiting for the authentication
 * service; authenticating; and the connection protocol.
 */
export type Phase = "initial" | "service" | "authenticating" | "connected";

/** What is to be done with a message: `unknown` ones are answered with UNIMPLEMENTED. */
export type Verdict = "accept" | "ignore" | "unknown" | "refuse";

/** The state that a message is judged by. */
export interface GateState {
  /** Which end receives the message. */
  readonly role: Role;
  /** How far the connection has come. */
  readonly phase: Phase;
  /** Whether the peer has sent its KEXINIT, and not yet its NEWKEYS (RFC 4253 section 7.1). */
  readonly exchanging: boolean;
  /** Whether this is the first exchange, and it is strict (OpenSSH's PROTOCOL section 1.10). */
  readonly strictInitial: boolean;
}

interface Row extends Required<RowOptions> {
  /** The first and the last message number. */
  readonly first: number;
  readonly last: number;
  readonly phases: readonly Phase[];
}

interface RowOptions {
  /** The end that may receive it: `any`, unless given. */
  readonly role?: Role | "any";
  /** Whether it may come during a key exchange, only then, or never: that, unless given. */
  readonly exchanging?: "may" | "only" | "never";
  /** Whether it may come during the first exchange if that is strict: not, unless given. */
  readonly strict?: boolean;
  /** `accept`, unless given. */
  readonly verdict?: Verdict;
}

const ALWAYS: readonly Phase[] = ["initial", "service", "authenticating", "connected"];
const SERVICE: readonly Phase[] = ["service"];
const AUTHENTICATING: readonly Phase[] = ["authenticating"];
const CONNECTED: readonly Phase[] = ["connected"];

const TABLE: readonly Row[] = [
  row(Msg.DISCONNECT, Msg.DISCONNECT, ALWAYS, { exchanging: "may", strict: true }),
  row(Msg.IGNORE, Msg.DEBUG, ALWAYS, { exchanging: "may" }),
  row(Msg.SERVICE_REQUEST, Msg.SERVICE_REQUEST, SERVICE, { role: "server" }),
  row(Msg.SERVICE_ACCEPT, Msg.SERVICE_ACCEPT, SERVICE, { role: "client" }),
  // RFC 8308 section 2.4: the first message under the first keys; from a server also right
  // before USERAUTH_SUCCESS. The transport checks the place.
  row(Msg.EXT_INFO, Msg.EXT_INFO, SERVICE),
  row(Msg.EXT_INFO, Msg.EXT_INFO, AUTHENTICATING, { role: "client" }),
  row(Msg.KEXINIT, Msg.KEXINIT, ALWAYS, { strict: true }),
  row(Msg.NEWKEYS, Msg.NEWKEYS, ALWAYS, { exchanging: "only", strict: true }),
  // Method specific: the exchange under way knows which of them it waits for.
  row(30, 49, ALWAYS, { exchanging: "only", strict: true }),
  row(Msg.USERAUTH_REQUEST, Msg.USERAUTH_REQUEST, AUTHENTICATING, { role: "server" }),
  // RFC 4252 section 5.3: requests that crossed the success are to be ignored.
  row(Msg.USERAUTH_REQUEST, Msg.USERAUTH_REQUEST, CONNECTED, { role: "server", verdict: "ignore" }),
  row(Msg.USERAUTH_FAILURE, Msg.USERAUTH_BANNER, AUTHENTICATING, { role: "client" }),
  // Method specific: the method under way knows which of them it waits for.
  row(60, 60, AUTHENTICATING, { role: "client" }),
  row(61, 61, AUTHENTICATING, { role: "server" }),
  // RFC 4253 section 7.1 forbids these between KEXINIT and NEWKEYS, but there are peers that send
  // them all the same (asyncssh before 2.15), and OpenSSH takes them. They are under the old keys,
  // which the same user was authenticated by: nothing is lost by taking them.
  row(Msg.GLOBAL_REQUEST, Msg.REQUEST_FAILURE, CONNECTED, { exchanging: "may" }),
  row(Msg.CHANNEL_OPEN, Msg.CHANNEL_FAILURE, CONNECTED, { exchanging: "may" }),
  row(Msg.PING, Msg.PONG, ["service", "authenticating", "connected"]),
];

function row(first: number, last: number, phases: readonly Phase[], options: RowOptions = {}): Row {
  const { role = "any", exchanging = "never", strict = false, verdict = "accept" } = options;
  return { first, last, phases, role, exchanging, strict, verdict };
}

/** Judges a message by its number. */
export function judge(number: number, state: GateState): Verdict {
  let assigned = false;
  for (const row of TABLE) {
    if (number < row.first || number > row.last) continue;
    assigned = true;
    if (row.role !== "any" && row.role !== state.role) continue;
    if (!row.phases.includes(state.phase)) continue;
    if (row.exchanging === (state.exchanging ? "never" : "only")) continue;
    if (state.strictInitial && !row.strict) continue;
    return row.verdict;
  }
  // RFC 4253 section 11.4: what has no meaning is answered with UNIMPLEMENTED. Before the user
  // is authenticated that is confined to the transport's and authentication's own numbers.
  const inBounds = state.phase === "connected" || (state.phase !== "initial" && number < 80);
  return !assigned && inBounds && !state.exchanging ? "unknown" : "refuse";
}
