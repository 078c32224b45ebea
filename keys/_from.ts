/**
 * The option `from` of authorized keys: where a key may be used from. `sshd(8)`,
 * "AUTHORIZED_KEYS FILE FORMAT".
 *
 * @module
 */

import { isInNetwork, parseAddress, parseNetwork } from "./_addresses.ts";
import { matchesPattern } from "./patterns.ts";

/**
 * Whether a peer is among those that a list names: by addresses, networks, and patterns of names or
 * addresses. One with `!` rules out what it names, wherever it stands.
 *
 * @param peer Its address, or the name that it goes by; null if neither is known.
 * @returns False for a list that cannot be read, too.
 */
export function isFrom(list: string, peer: string | null): boolean {
  if (peer === null || whyNoFromList(list) !== null) return false;
  // The zone of a link-local address says which of our own interfaces it is (RFC 4007 section 11).
  const name = peer.replace(/%.*$/, "").toLowerCase();
  const address = parseAddress(name);
  const shown = address?.length === 4 ? address.join(".") : name;
  let found = false;
  for (const item of list.split(",")) {
    const negated = item.startsWith("!");
    const wanted = negated ? item.slice(1) : item;
    const network = parseNetwork(wanted);
    const matches = network === null
      ? matchesPattern(shown, wanted.toLowerCase())
      : address !== null && isInNetwork(address, network);
    if (matches && negated) return false;
    found ||= matches;
  }
  return found;
}

/** What is wrong with a list; null if nothing is. */
export function whyNoFromList(list: string): string | null {
  for (const item of list.split(",")) {
    const wanted = item.startsWith("!") ? item.slice(1) : item;
    if (wanted === "") return "it has an empty pattern";
    if (wanted.includes("/") && parseNetwork(wanted) === null) {
      return `${JSON.stringify(wanted.slice(0, 80))} is not a network`;
    }
  }
  return null;
}
