/** What each key agreement costs: both sides of one. */

import {
  dhGroup14,
  dhGroup16,
  dhGroup18,
  ecdhP256,
  ecdhP384,
  ecdhP521,
  type KeyAgreement,
  mlkem768X25519,
  platformRandom,
  sntrup761X25519,
  x25519Agreement,
} from "../crypto/mod.ts";

const agreements: Record<string, KeyAgreement> = {
  "curve25519": x25519Agreement,
  "mlkem768x25519": mlkem768X25519,
  "sntrup761x25519": sntrup761X25519,
  "nistp256": ecdhP256,
  "nistp384": ecdhP384,
  "nistp521": ecdhP521,
  "group14": dhGroup14,
  "group16": dhGroup16,
  "group18": dhGroup18,
};

for (const [name, agreement] of Object.entries(agreements)) {
  Deno.bench(`agree, both sides: ${name}`, { group: "key agreement" }, async () => {
    const start = await agreement.start(platformRandom);
    const { share } = await agreement.respond(start.share, platformRandom);
    await start.finish(share);
  });
}
