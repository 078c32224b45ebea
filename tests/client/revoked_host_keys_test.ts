import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { connect, type ConnectOptions, knownHosts } from "../../client/mod.ts";
import { hostKeyJudge } from "../../client/host_key.ts";
import {
  addKnownHost,
  certifiedBy,
  findKnownHost,
  fingerprint,
  generateKey,
  issueCertificate,
  parseRevokedKeys,
  RevocationList,
  type Signer,
  withCertificate,
} from "../../keys/mod.ts";
import { HostKeyError } from "../../wire/errors.ts";
import { testHostKey } from "../helpers/engine_pair.ts";
import { ada, testServer } from "./_server.ts";

const hostKey = await testHostKey();
const [ca, other] = [await generateKey("ed25519"), await generateKey("ed25519")];
const certified = withCertificate(
  hostKey,
  await issueCertificate({
    key: hostKey.publicKey,
    ca,
    role: "host",
    keyId: "db",
    serial: 7,
    principals: ["db.example"],
    validBefore: null,
  }),
);
const host = { hostname: "db.example" };

async function refusal(
  options: Partial<ConnectOptions>,
  key: Signer = hostKey,
): Promise<HostKeyError | null> {
  await using server = await testServer({ hostKeys: [key] });
  try {
    const settings = { ...ada, ...host, ...options } as ConnectOptions;
    await using _ssh = await connect(server.flow, settings);
    return null;
  } catch (error) {
    assert.ok(error instanceof HostKeyError, String(error));
    assert.deepEqual(server.attempts, [], "nothing has been said to the server");
    return error;
  }
}

describe("host keys that have been revoked", () => {
  const ways: Readonly<Record<string, Partial<ConnectOptions>>> = {
    "its fingerprint": { authenticator: fingerprint(hostKey.publicKey) },
    "known hosts": { verifyHostKey: knownHosts(addKnownHost("", host, hostKey.publicKey)) },
    "a function": { verifyHostKey: () => true },
    "any key": { insecureAcceptAnyHostKey: true },
  };
  for (const [name, way] of Object.entries(ways)) {
    it(`are refused, whatever the server is known by: ${name}`, async () => {
      for (
        const revokedHostKeys of [
          [hostKey.publicKey],
          new RevocationList({ keys: [hostKey.publicKey] }),
          () => Promise.resolve(true),
        ]
      ) {
        const error = await refusal({ ...way, revokedHostKeys });
        assert.equal(error?.status, "revoked");
        assert.match(error.message, /and that key, or its authority's, has been revoked$/);
      }
      assert.equal(await refusal({ ...way, revokedHostKeys: parseRevokedKeys("") }), null);
      assert.equal(await refusal({ ...way, revokedHostKeys: [other.publicKey] }), null);
    });
  }

  it("are those of certificates too, and of their authorities", async () => {
    const verifyHostKey = certifiedBy([ca.publicKey]);
    const serials = [{ first: 7n, last: 7n }];
    const revocations = [
      [ca.publicKey],
      [hostKey.publicKey],
      new RevocationList({ certificates: [{ ca: ca.publicKey, serials, keyIds: [] }] }),
    ];
    for (const revokedHostKeys of revocations) {
      const error = await refusal({ verifyHostKey, revokedHostKeys }, certified);
      assert.equal(error?.status, "revoked");
    }
    const revokedHostKeys = [other.publicKey];
    assert.equal(await refusal({ verifyHostKey, revokedHostKeys }, certified), null);
  });

  it("are all keys, where it cannot be told which have been revoked", async () => {
    const revokedHostKeys = () => {
      throw new Error("the list is damaged");
    };
    const error = await refusal({ insecureAcceptAnyHostKey: true, revokedHostKeys });
    assert.equal(error?.status, "error");
    assert.match(error.message, /cannot be told: the list is damaged$/);
  });

  it("are not learned when a server proves to have them", async () => {
    let text = addKnownHost("", host, hostKey.publicKey);
    const next = await generateKey("ecdsa");
    const verifyHostKey = knownHosts({
      read: () => text,
      write: (written) => void (text = written),
    }, { updateHostKeys: true });
    const revokedHostKeys = [other.publicKey];
    const { update } = hostKeyJudge({ verifyHostKey, revokedHostKeys });
    const keys = [hostKey, other, next].map(({ publicKey }) => publicKey);
    await update?.(keys, hostKey.publicKey, host);
    const known = findKnownHost(text, host).map(({ blob }) => blob);
    assert.deepEqual(known, [hostKey.publicKey.blob, next.publicKey.blob]);
  });
});
