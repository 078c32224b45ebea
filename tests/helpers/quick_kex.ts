/**
 * A key exchange that takes no time, for tests of everything around it. It keeps no secret.
 *
 * @module
 */

import type { KeyAgreement } from "../../crypto/types.ts";
import { sha256 } from "../../crypto/mod.ts";
import type { Algorithms } from "../../protocol/transport/algorithms.ts";
import { agreementMethod } from "../../protocol/transport/kex/agreement.ts";
import { concat } from "./bytes.ts";
import { plainAlgorithms } from "./hostile_peer.ts";

const agreement: KeyAgreement = {
  shareEncoding: "string",
  secretEncoding: "mpint",
  start(random) {
    const share = random(32);
    return { share, finish: (other) => sha256.digest(concat([share, other])) };
  },
  respond(clientShare, random) {
    const share = random(32);
    return { share, secret: sha256.digest(concat([clientShare, share])) };
  },
};

/** Algorithms with that key exchange, and few others. */
export const quickAlgorithms: Algorithms = {
  ...plainAlgorithms,
  kex: [agreementMethod("quick@sshflow.test", sha256, agreement)],
};
