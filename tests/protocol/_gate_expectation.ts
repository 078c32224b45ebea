/**
 * What may come when, written down from the RFCs state by state, and not from the gate's table.
 *
 * @module
 */

import type { GateState, Phase, Role, Verdict } from "../../protocol/gate.ts";

const CONNECTION = [80, 81, 82, 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100];

/** Outside of a key exchange, beside 1 to 4. */
const ACCEPTED: Record<Role, Record<Phase, readonly number[]>> = {
  client: {
    initial: [20],
    service: [6, 7, 20, 192, 193],
    authenticating: [7, 20, 51, 52, 53, 60, 192, 193],
    connected: [20, ...CONNECTION, 192, 193],
  },
  server: {
    initial: [20],
    service: [5, 7, 20, 192, 193],
    authenticating: [20, 50, 61, 192, 193],
    connected: [20, ...CONNECTION, 192, 193],
  },
};

/** Whether a number has a meaning at all. */
function isAssigned(number: number): boolean {
  return (number >= 1 && number <= 7) || number === 20 || number === 21 ||
    (number >= 30 && number <= 53) || number === 60 || number === 61 ||
    CONNECTION.includes(number) || number === 192 || number === 193;
}

/** What has to be done with a message. */
export function expectedVerdict(number: number, state: GateState): Verdict {
  const { role, phase, exchanging, strictInitial } = state;
  if (number === 1) return "accept";
  if (number >= 2 && number <= 4) return strictInitial ? "refuse" : "accept";
  if (exchanging) {
    // RFC 4253 section 7.1; and what peers send all the same once the user is authenticated.
    if (phase === "connected" && CONNECTION.includes(number)) return "accept";
    return number === 21 || (number >= 30 && number <= 49) ? "accept" : "refuse";
  }
  if (ACCEPTED[role][phase].includes(number)) return "accept";
  // RFC 4252 section 5.3.
  if (role === "server" && phase === "connected" && number === 50) return "ignore";
  if (isAssigned(number) || phase === "initial") return "refuse";
  return phase === "connected" || number < 80 ? "unknown" : "refuse";
}

/** Every state that there can be. */
export function allStates(): GateState[] {
  const states: GateState[] = [];
  for (const role of ["client", "server"] as const) {
    for (const phase of ["initial", "service", "authenticating", "connected"] as const) {
      for (const exchanging of [false, true]) {
        for (const strictInitial of phase === "initial" ? [false, true] : [false]) {
          states.push({ role, phase, exchanging, strictInitial });
        }
      }
    }
  }
  return states;
}
