/** What sealing and opening a packet costs, by cipher and by size. */

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
      const packet = new Uint8Array(4 + size + sealer.tagBytes);
      let sequence = 0;
      Deno.bench(`seal and open ${size} bytes: ${name}`, { group: `${size} bytes` }, () => {
        new DataView(packet.buffer).setUint32(0, size);
        sealer.seal(packet, sequence);
        opener.openLength(packet.subarray(0, opener.headBytes), sequence);
        if (opener.open(packet, sequence) === null) throw new Error("the tag is wrong");
        sequence++;
      });
    }
  }
}
