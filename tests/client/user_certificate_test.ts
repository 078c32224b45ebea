import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { type ClientAuth, connect } from "../../client/mod.ts";
import {
  formatPublicKeyLine,
  generateKey,
  issueCertificate,
  type PublicKey,
  samePublicKey,
} from "../../keys/mod.ts";
import { AuthenticationError } from "../../wire/errors.ts";
import { adaTrusting, testServer } from "./_server.ts";

const ca = await generateKey("ed25519", { seed: "the authority" });
const key = await generateKey("ed25519", { seed: "ada's key" });
const certificate = await issueCertificate({
  key: key.publicKey,
  ca,
  role: "user",
  keyId: "id",
  principals: ["ada"],
  validBefore: null,
});

/** The types of the keys that are shown to a server which takes one of them. */
async function shown(auth: ClientAuth, wanted: PublicKey): Promise<string[]> {
  await using server = await testServer({
    auth: {
      authenticate: (attempt) =>
        attempt.method === "publickey" && samePublicKey(attempt.key, wanted),
    },
  });
  await using _ssh = await connect(server.flow, { ...adaTrusting, auth });
  return server.attempts.map((attempt) => attempt.method === "publickey" ? attempt.key.type : "");
}

describe("connect: a user's certificate", () => {
  const types = ["ssh-ed25519-cert-v01@openssh.com", "ssh-ed25519"];

  it("is shown first, and the key without it if that is not enough", async () => {
    for (const given of [certificate, `${formatPublicKeyLine(certificate)}\n`]) {
      const auth = { privateKey: key, certificate: given };
      assert.deepEqual(await shown(auth, certificate), types.slice(0, 1));
      assert.deepEqual(await shown(auth, key.publicKey), types);
    }
    await assert.rejects(shown({ privateKey: key }, certificate), AuthenticationError);
  });

  it("has to be one, and that of the key", async () => {
    const wrong: readonly (readonly [ClientAuth, RegExp])[] = [
      [
        { privateKey: key, certificate: formatPublicKeyLine(key.publicKey) },
        /certificate is a key of type ssh-ed25519/,
      ],
      [{ privateKey: ca, certificate }, /it is that of another key/],
      [{ certificate }, /have a privateKey or a password/],
    ];
    for (const [auth, message] of wrong) {
      await assert.rejects(shown(auth, certificate), { name: "TypeError", message });
    }
    const auth = { privateKey: key, certificate: "nonsense" };
    await assert.rejects(shown(auth, certificate), { name: "KeyFormatError" });
  });
});
