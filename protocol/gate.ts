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

interface Row {
  /** The first and the last message number. */
  readonly numbers: readonly [number, number];
  /** The roles of the end that receives. */
  readonly roles: readonly Role[];
  readonly phases: readonly Phase[];
  /** Whether it may come during a key exchange, only then, or never. */
  readonly exchanging: "may" | "only" | "never";
  /** Whether it may come during the first exchange if that is strict. */
  readonly strict?: boolean;
  readonly verdict?: Verdict;
}

const BOTH: readonly Role[] = ["client", "server"];
const ALWAYS: readonly Phase[] = ["initial", "service", "authenticating", "connected"];
const ENCRYPTED: readonly Phase[] = ["service", "authenticating", "connected"];

const TABLE: readonly Row[] = [
  {
    numbers: [Msg.DISCONNECT, Msg.DISCONNECT],
    roles: BOTH,
    phases: ALWAYS,
    exchanging: "may",
    strict: true,
  },
  { numbers: [Msg.IGNORE, Msg.DEBUG], roles: BOTH, phases: ALWAYS, exchanging: "may" },
  {
    numbers: [Msg.SERVICE_REQUEST, Msg.SERVICE_REQUEST],
    roles: ["server"],
    phases: ["service"],
    exchanging: "never",
  },
  {
    numbers: [Msg.SERVICE_ACCEPT, Msg.SERVICE_ACCEPT],
    roles: ["client"],
    phases: ["service"],
    exchanging: "never",
  },
  // RFC 8308 section 2.4: the first message under the first keys; from a server also right
  // before USERAUTH_SUCCESS. The transport checks the place.
  { numbers: [Msg.EXT_INFO, Msg.EXT_INFO], roles: BOTH, phases: ["service"], exchanging: "never" },
  {
    numbers: [Msg.EXT_INFO, Msg.EXT_INFO],
    roles: ["client"],
    phases: ["authenticating"],
    exchanging: "never",
  },
  {
    numbers: [Msg.KEXINIT, Msg.KEXINIT],
    roles: BOTH,
    phases: ALWAYS,
    exchanging: "never",
    strict: true,
  },
  {
    numbers: [Msg.NEWKEYS, Msg.NEWKEYS],
    roles: BOTH,
    phases: ALWAYS,
    exchanging: "only",
    strict: true,
  },
  // Method specific: the exchange under way knows which of them it waits for.
  { numbers: [30, 49], roles: BOTH, phases: ALWAYS, exchanging: "only", strict: true },
  {
    numbers: [Msg.USERAUTH_REQUEST, Msg.USERAUTH_REQUEST],
    roles: ["server"],
    phases: ["authenticating"],
    exchanging: "never",
  },
  // RFC 4252 section 5.3: requests that crossed the success are to be ignored.
  {
    numbers: [Msg.USERAUTH_REQUEST, Msg.USERAUTH_REQUEST],
    roles: ["server"],
    phases: ["connected"],
    exchanging: "never",
    verdict: "ignore",
  },
  {
    numbers: [Msg.USERAUTH_FAILURE, Msg.USERAUTH_BANNER],
    roles: ["client"],
    phases: ["authenticating"],
    exchanging: "never",
  },
  // Method specific: the method under way knows which of them it waits for.
  { numbers: [60, 60], roles: ["client"], phases: ["authenticating"], exchanging: "never" },
  { numbers: [61, 61], roles: ["server"], phases: ["authenticating"], exchanging: "never" },
  // RFC 4253 section 7.1 forbids these between KEXINIT and NEWKEYS, but there are peers that send
  // them all the same (asyncssh before 2.15), and OpenSSH takes them. They are under the old keys,
  // which the same user was authenticated by: nothing is lost by taking them.
  {
    numbers: [Msg.GLOBAL_REQUEST, Msg.REQUEST_FAILURE],
    roles: BOTH,
    phases: ["connected"],
    exchanging: "may",
  },
  {
    numbers: [Msg.CHANNEL_OPEN, Msg.CHANNEL_FAILURE],
    roles: BOTH,
    phases: ["connected"],
    exchanging: "may",
  },
  { numbers: [Msg.PING, Msg.PONG], roles: BOTH, phases: ENCRYPTED, exchanging: "never" },
];

/** Judges a message by its number. */
export function judge(number: number, state: GateState): Verdict {
  let assigned = false;
  for (const row of TABLE) {
    const [first, last] = row.numbers;
    if (number < first || number > last) continue;
    assigned = true;
    if (!row.roles.includes(state.role) || !row.phases.includes(state.phase)) continue;
    if (state.exchanging ? row.exchanging === "never" : row.exchanging === "only") continue;
    if (state.strictInitial && row.strict !== true) continue;
    return row.verdict ?? "accept";
  }
  // RFC 4253 section 11.4: what has no meaning is answered with UNIMPLEMENTED. Before the user
  // is authenticated that is confined to the transport's and authentication's own numbers.
  const inBounds = state.phase === "connected" || (state.phase !== "initial" && number < 80);
  return !assigned && inBounds && !state.exchanging ? "unknown" : "refuse";
}
