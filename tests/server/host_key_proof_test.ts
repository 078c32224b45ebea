import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import type { GlobalRequest } from "../../connection/mod.ts";
import {
  decodeProofStrings,
  encodeProofStrings,
  HOST_KEYS_PROVE_REQUEST,
  HOST_KEYS_REQUEST,
  hostKeyProofData,
} from "../../keys/host_key_proof.ts";
import {
  generateKey,
  issueCertificate,
  type PublicKey,
  type Signer,
  withCertificate,
} from "../../keys/mod.ts";
import { RequestError } from "../../wire/errors.ts";
import { Reader } from "../../wire/reader.ts";
import { utf8 } from "../helpers/bytes.ts";
import { testHostKey } from "../helpers/engine_pair.ts";
import { host, type Hosting, type HostingOptions, meet } from "./_hosting.ts";

const hostKey = await testHostKey();
const [nextKey, ecdsaKey, rsaKey] = await Promise.all([
  generateKey("ed25519"),
  generateKey("ecdsa", { bits: 521 }),
  generateKey("rsa", { bits: 2048 }),
]);
const hostKeys: readonly Signer[] = [hostKey, nextKey, ecdsaKey, rsaKey];

/** A server and its client, and what the client was told of host keys. */
async function listening(
  options: HostingOptions,
): Promise<Hosting & { readonly told: readonly GlobalRequest[] }> {
  const hosting = await meet(options);
  const told: GlobalRequest[] = [];
  hosting.client.takeRequests(HOST_KEYS_REQUEST, (request) => told.push(request));
  await hosting.client.authenticated;
  // What comes is in order: when this is denied, all that was sent before has been there.
  await hosting.server.connection.request("marker@test").catch(() => {});
  return Object.assign(hosting, { told });
}

/** Asks for proofs; null if they are denied. */
async function proofs(
  { client }: Hosting,
  keys: readonly (Signer | Uint8Array)[],
): Promise<Uint8Array[] | null> {
  const blobs = keys.map((key) => "publicKey" in key ? key.publicKey.blob : key);
  try {
    const payload = encodeProofStrings(blobs);
    return decodeProofStrings(await client.request(HOST_KEYS_PROVE_REQUEST, payload), "proofs");
  } catch (error) {
    if (error instanceof RequestError) return null;
    throw error;
  }
}

async function proves(
  { client }: Hosting,
  key: PublicKey,
  signature: Uint8Array | undefined,
): Promise<string | null> {
  const { sessionId } = client.info ?? {};
  assert.ok(sessionId && signature);
  const algorithm = new Reader(signature, "signature").name();
  const data = hostKeyProofData(sessionId, key.blob);
  return await key.verify(algorithm, data, signature) ? algorithm : null;
}

describe("a server's host keys", () => {
  it("are told when a user is logged in, each once, without an answer being wanted", async () => {
    const certificate = await issueCertificate({
      key: hostKey.publicKey,
      ca: nextKey,
      role: "host",
      keyId: "",
      principals: ["db.example"],
      validBefore: null,
    });
    await using hosting = await listening({
      hostKeys: [withCertificate(hostKey, certificate), ...hostKeys],
    });
    const [request, ...others] = hosting.told;
    assert.ok(request);
    assert.deepEqual(others, []);
    assert.equal(request.wantReply, false);
    assert.deepEqual(
      decodeProofStrings(request.payload, "test"),
      hostKeys.map(({ publicKey }) => publicKey.blob),
    );
  });

  it("are proven by signatures that are bound to the session", async () => {
    await using hosting = await host({ hostKeys });
    const signatures = await proofs(hosting, hostKeys);
    assert.equal(signatures?.length, hostKeys.length);
    const algorithms = ["ssh-ed25519", "ssh-ed25519", "ecdsa-sha2-nistp521", "rsa-sha2-512"];
    await using other = await host({ hostKeys });
    for (const [index, { publicKey }] of hostKeys.entries()) {
      assert.equal(await proves(hosting, publicKey, signatures[index]), algorithms[index]);
      assert.equal(await proves(other, publicKey, signatures[index]), null);
    }
    // In the order in which they were asked for.
    const [second, first] = await proofs(hosting, [rsaKey, hostKey]) ?? [];
    assert.equal(await proves(hosting, hostKey.publicKey, first), "ssh-ed25519");
    assert.equal(await proves(hosting, rsaKey.publicKey, second), "rsa-sha2-512");
  });

  it("are not proven if they are not the server's, or asked for in no order", async () => {
    await using hosting = await host({ hostKeys });
    const stranger = await generateKey("ed25519");
    const wrong: readonly (readonly (Signer | Uint8Array)[])[] = [
      [],
      [stranger],
      [hostKey, stranger],
      [hostKey, hostKey],
      [utf8("")],
      [utf8("ssh-ed25519")],
      new Array(33).fill(hostKey),
    ];
    for (const keys of wrong) assert.equal(await proofs(hosting, keys), null);
    const { client } = hosting;
    for (const payload of [Uint8Array.of(1), Uint8Array.of(255, 255, 255, 255)]) {
      await assert.rejects(client.request(HOST_KEYS_PROVE_REQUEST, payload), RequestError);
    }
    assert.equal((await proofs(hosting, [hostKey]))?.length, 1);
  });

  it("are proven to one request after the other: many at once are denied", async () => {
    await using hosting = await host({ hostKeys });
    const answers = await Promise.all(Array.from({ length: 5 }, () => proofs(hosting, hostKeys)));
    assert.deepEqual(answers.map((answer) => answer !== null), [true, false, false, false, false]);
  });

  it("are not proven if one of them does not sign, of which only the server is told", async () => {
    const broken: Signer = {
      publicKey: nextKey.publicKey,
      sign: () => Promise.reject(new Error("the token is locked")),
    };
    await using hosting = await host({ hostKeys: [hostKey, broken] });
    assert.equal(await proofs(hosting, [hostKey, broken]), null);
    assert.deepEqual(hosting.errors.map((error) => (error as Error).message), [
      "the token is locked",
    ]);
    assert.equal((await proofs(hosting, [hostKey]))?.length, 1);
  });

  it("are neither told nor proven if that is not wanted", async () => {
    await using hosting = await listening({ hostKeys, announceHostKeys: false });
    assert.deepEqual(hosting.told, []);
    assert.equal(await proofs(hosting, [hostKey]), null);
  });
});
