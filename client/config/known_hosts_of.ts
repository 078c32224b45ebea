/**
 * Knowing hosts as a configuration says.
 *
 * @module
 */

import { describeKey } from "../../keys/fingerprint.ts";
import { plainKey } from "../../keys/certificate.ts";
import { parseRevokedKeys } from "../../keys/revoked_keys.ts";
import type { PublicKey } from "../../keys/types.ts";
import type { Revocation } from "../../keys/verify_certificate.ts";
import { KeyFormatError } from "../../wire/errors.ts";
import {
  hostKeyRefusal,
  type KnownHostsVerifier,
  refuseRevoked,
  unlessRevoked,
} from "../host_key.ts";
import { type HostKeyPolicy, knownHosts, type KnownHostsStore } from "../known_hosts.ts";
import { type LoginAccess, questionsOf, readBytes } from "./login_access.ts";
import type { SshConfig } from "./parse_ssh_config.ts";

/**
 * Makes the judge of host keys that a configuration describes: for `verifyHostKey` of `connect`,
 * with the `hostname` and `port` that `connectOptionsOf` gives.
 *
 * It goes by UserKnownHostsFile and GlobalKnownHostsFile, StrictHostKeyChecking, HashKnownHosts,
 * UpdateHostKeys, RevokedHostKeys and RequiredRSASize. New keys are written to the user's first
 * file; without `files.write` they are remembered by what is returned, and no longer. No host goes
 * unverified:
 *
 * - a key that has changed, or was revoked, is refused, also with `StrictHostKeyChecking no`: that
 *   accepts the key of a host of which none is known, as `accept-new` does, and no more
 * - `ask` asks `ask.hostKey`, and refuses without it, and with `BatchMode yes`
 * - NoHostAuthenticationForLocalhost, VerifyHostKeyDNS and CheckHostIP change nothing, and
 *   `UpdateHostKeys ask` learns nothing
 *
 * @throws {TypeError} If no files can be read.
 *
 * @example
 * ```ts
 * import { knownHostsOf, parseSshConfig } from "@sshflow/ssh/client";
 * import { generateKey } from "@sshflow/ssh/keys";
 * import assert from "node:assert/strict";
 *
 * const disk = new Map<string, string>();
 * const files = {
 *   read: (path: string) => disk.get(path) ?? null,
 *   write: (path: string, text: string) => void disk.set(path, text),
 * };
 * const text = "UserKnownHostsFile /known_hosts\nStrictHostKeyChecking accept-new";
 * const config = await parseSshConfig(text, { host: "db" });
 * const verifyHostKey = knownHostsOf(config, { files });
 * const { publicKey } = await generateKey("ed25519");
 * assert.equal(await verifyHostKey(publicKey, { hostname: "db", port: 22 }), true);
 * assert.match(disk.get("/known_hosts") ?? "", /^db ssh-ed25519 AAAA/);
 * ```
 */
export function knownHostsOf(
  config: SshConfig,
  access: Pick<LoginAccess, "files" | "ask">,
): KnownHostsVerifier {
  const { files } = access;
  if (files === undefined) {
    throw new TypeError(
      `Cannot know ${config.host} by its key: no files can be read, and there is no other way given`,
    );
  }
  const [own, ...others] = config.userKnownHostsFile;
  const write = own !== undefined && files.write?.bind(files, own);
  const first: KnownHostsStore = own === undefined
    ? memory(() => null)
    : write
    ? { read: () => files.read(own), write }
    : memory(() => files.read(own));
  const rest = [...others, ...config.globalKnownHostsFile]
    .map((path): KnownHostsStore => ({ read: () => files.read(path) }));
  const revoked = revocation(config, access);
  const verifier = knownHosts([first, ...rest], {
    policy: policyOf(config, access),
    hash: config.hashKnownHosts,
    updateHostKeys: config.updateHostKeys === "yes",
  });
  const verify: KnownHostsVerifier = Object.assign(
    async (key: PublicKey, context: Parameters<KnownHostsVerifier>[1]) => {
      await refuseRevoked(revoked, key, context);
      const { kind, bits } = describeKey(plainKey(key));
      if (kind !== "RSA" || bits >= config.requiredRsaSize) return await verifier(key, context);
      const why = `it has ${bits} bits, and RequiredRSASize asks for ${config.requiredRsaSize}`;
      throw hostKeyRefusal(key, context, "error", why);
    },
    { expect: verifier.expect, update: unlessRevoked(revoked, verifier.update) },
  );
  return verify;
}

function policyOf(config: SshConfig, access: LoginAccess): HostKeyPolicy {
  switch (config.strictHostKeyChecking) {
    case "yes":
      return "strict";
    case "accept-new":
    case "no":
      return "accept-new";
    case "ask": {
      const ask = questionsOf(config, access);
      return ask.hostKey?.bind(ask) ?? "strict";
    }
  }
}

/** Keeps for a while what nobody writes down. */
function memory(read: KnownHostsStore["read"]): KnownHostsStore {
  let changed: string | null = null;
  return {
    read: () => changed ?? read(),
    write: (text) => void (changed = text),
  };
}

/** The keys that nobody may have: a file that cannot be used keeps every host out. */
function revocation(
  { revokedHostKeys: path }: SshConfig,
  access: LoginAccess,
): Revocation {
  if (path === undefined) return [];
  return async (key) => {
    const file = await readBytes(access, path);
    if (file === null) throw new KeyFormatError(`there is no ${path}, of revoked keys`);
    return parseRevokedKeys(file).isRevoked(key);
  };
}
