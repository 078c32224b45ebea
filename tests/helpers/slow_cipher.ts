/**
 * A cipher whose packets are done when somebody says so, in any order.
 *
 * @module
 */

import type { CipherAlgorithm } from "../../crypto/types.ts";
import type { Dice } from "./dice.ts";

/**
 * Makes some packets of a cipher wait.
 *
 * @param steps Where what has to be called is put: a function for each packet that waits.
 */
export function slowCipher(
  cipher: CipherAlgorithm,
  steps: (() => void)[],
  random: Dice,
): CipherAlgorithm {
  async function later<T>(value: T | Promise<T>): Promise<T> {
    const result = await value;
    return await new Promise((resolve) => steps.push(() => resolve(result)));
  }
  return {
    ...cipher,
    createSealer(keys) {
      const sealer = cipher.createSealer(keys);
      return {
        ...sealer,
        seal(packet, sequence) {
          if (random.chance(50)) return sealer.seal(packet, sequence);
          const sealed = packet.slice();
          const sealing = sealer.seal(sealed, sequence);
          packet.fill(0);
          return later(sealing).then(() => packet.set(sealed));
        },
      };
    },
    createOpener(keys) {
      const opener = cipher.createOpener(keys);
      return {
        ...opener,
        open(packet, sequence) {
          if (random.chance(50)) return opener.open(packet, sequence);
          const opening = opener.open(packet, sequence);
          // It is another packet's place by now.
          packet.fill(0);
          return later(opening);
        },
      };
    },
  };
}
