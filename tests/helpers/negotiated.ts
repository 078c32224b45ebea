/**
 * What was agreed on with another implementation, and how often.
 *
 * @module
 */

import { type Algorithms, type ConnectionInfo, supportedAlgorithms } from "../../protocol/mod.ts";

/** The algorithms of host keys that need neither a certificate nor hardware. */
export const plainHostKeys: readonly string[] = supportedAlgorithms.hostKeys
  .filter((name) => !name.includes("-cert-") && !name.startsWith("sk-"));

/** What was agreed on, by name; it is the same in both directions. */
export interface Negotiated {
  readonly kex: string;
  readonly hostKey: string;
  readonly cipher: string;
  /** Null where the cipher authenticates by itself. */
  readonly mac: string | null;
  readonly compression: string;
  readonly strictKex: boolean;
}

/** Tells what was agreed on. */
export function negotiated(info: ConnectionInfo | null): Negotiated {
  if (info === null) throw new Error("Nothing has been agreed on");
  const { kex, hostKey, clientToServer, serverToClient } = info.algorithms;
  const [there, back] = [clientToServer, serverToClient].map(({ cipher, mac, compression }) => ({
    cipher: cipher.name,
    mac: mac?.name ?? null,
    compression: compression.name,
  }));
  if (there === undefined || JSON.stringify(there) !== JSON.stringify(back)) {
    throw new Error(`The directions differ: ${JSON.stringify([there, back])}`);
  }
  return { kex: kex.name, hostKey, ...there, strictKex: info.strictKex };
}

/** The same algorithms, and how many key exchanges have been done with them. */
export function countingExchanges(
  algorithms: Algorithms,
): { algorithms: Algorithms; exchanges: () => number } {
  let exchanges = 0;
  const kex = algorithms.kex.map((method) => ({
    ...method,
    async client(context: Parameters<typeof method.client>[0]) {
      await method.client(context);
      exchanges++;
    },
    async server(context: Parameters<typeof method.server>[0]) {
      await method.server(context);
      exchanges++;
    },
  }));
  return { algorithms: { ...algorithms, kex }, exchanges: () => exchanges };
}
