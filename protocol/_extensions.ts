/**
 * What an engine tells of itself (RFC 8308).
 *
 * @module
 */

import { isCertificateAlgorithm } from "../keys/certificate_algorithms.ts";
import { HOSTBOUND_EXTENSION } from "./auth/publickey.ts";
import type { ClientEngineOptions, ServerEngineOptions } from "./engine_options.ts";

/** What is told to the peer in EXT_INFO. */
export function extensionsOf(
  options: ClientEngineOptions | ServerEngineOptions,
): ReadonlyMap<string, string> {
  const both: [string, string][] = [["global-requests-ok", ""], ["ping@openssh.com", "0"]];
  if (options.role === "client") return new Map(both);
  // As with OpenSSH, whose clients take a name to stand for the one with a certificate, too.
  const signatures = options.auth.signatureAlgorithms
    .filter((name) => !isCertificateAlgorithm(name));
  return new Map([
    ["server-sig-algs", signatures.join(",")],
    [HOSTBOUND_EXTENSION, "0"],
    ...both,
  ]);
}
