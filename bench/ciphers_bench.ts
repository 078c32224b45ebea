/** What sealing and opening packets costs, by cipher and by size. */

import {
  type CipherAlgorithm,
  type CipherKeys,
  hmacSha256Etm,
  hmacSha512Etm,
  type MacAlgorithm,
  platformRandom,
} from "../crypto/mod.ts";
import { supportedAlgorithms } from "../protocol/mod.ts";

const SIZES = [64, 1024, 32 * 1024];
/** As many are given to a cipher before the first has to be back: some work on several at once. */
const IN_FLIGHT = 8;

function keysFor(cipher: CipherAlgorithm, mac: MacAlgorithm | null): CipherKeys {
  const key = platformRandom(cipher.keyBytes);
  const iv = platformRandom(cipher.ivBytes);
  if (mac === null) return { key, iv };
  return { key, iv, mac: { algorithm: mac, key: platformRandom(mac.keyBytes) } };
}

for (const cipher of supportedAlgorithms.ciphers) {
  for (const mac of cipher.aead ? [null] : [hmacSha256Etm, hmacSha512Etm]) {
    const name = mac === null ? cipher.name : `${cipher.name} ${mac.name}`;
    for (const size of SIZES) {
      const keys = keysFor(cipher, mac);
      const sealer = cipher.createSealer(keys);
      const opener = cipher.createOpener(keys);
      const packets = Array.from(
        { length: IN_FLIGHT },
        () => new Uint8Array(4 + size + sealer.tagBytes),
      );
      let sequence = 0;
      const title = `seal and open ${IN_FLIGHT} packets of ${size} bytes: ${name}`;
      Deno.bench(title, { group: `${size} bytes` }, async () => {
        const first = sequence;
        await Promise.all(packets.map((packet) => {
          new DataView(packet.buffer).setUint32(0, size);
          return sealer.seal(packet, sequence++);
        }));
        const bodies = await Promise.all(packets.map((packet, index) => {
          opener.openLength(packet.subarray(0, opener.headBytes), first + index);
          return opener.open(packet, first + index);
        }));
        if (bodies.includes(null)) throw new Error("a tag is wrong");
      });
    }
  }
}
