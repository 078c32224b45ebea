import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { connect, type ConnectOptions } from "../../client/mod.ts";
import {
  Certificate,
  certifiedBy,
  fingerprint,
  generateKey,
  issueCertificate,
  type PublicKey,
  type Signer,
  withCertificate,
} from "../../keys/mod.ts";
import { HostKeyError } from "../../wire/errors.ts";
import { testHostKey } from "../helpers/engine_pair.ts";
import { ada, testServer } from "./_server.ts";

const ca = await generateKey("ed25519", { seed: "the authority" });
const ecdsa = await generateKey("ecdsa", { seed: "another key of the host" });
const plain = await testHostKey();
const CERTIFICATE = "ssh-ed25519-cert-v01@openssh.com";

async function certified(key: Signer, principals: readonly string[]): Promise<Signer> {
  const request = { key: key.publicKey, ca, role: "host", keyId: "id", principals } as const;
  return withCertificate(key, await issueCertificate({ ...request, validBefore: null }));
}

const host = await certified(plain, ["db.example"]);

/** Connects to a server with a certified Ed25519 key and a plain ECDSA one, and tells how. */
async function agreedOn(
  options: Partial<ConnectOptions>,
  hostKeys: readonly Signer[] = [host, plain, ecdsa],
): Promise<string> {
  await using server = await testServer({ hostKeys });
  await using ssh = await connect(server.flow, {
    ...ada,
    hostname: "db.example",
    ...options,
  } as ConnectOptions);
  return ssh.info.algorithms.hostKey;
}

describe("connect: a host's certificate", () => {
  it("is asked for where a function judges it, which is shown it", async () => {
    const seen: PublicKey[] = [];
    const verifyHostKey = (key: PublicKey): boolean => seen.push(key) > 0;
    assert.equal(await agreedOn({ verifyHostKey }), CERTIFICATE);
    assert.ok(seen[0] instanceof Certificate);
    assert.deepEqual(seen[0].principals, ["db.example"]);
    assert.equal(await agreedOn({ verifyHostKey }, [plain]), "ssh-ed25519");
  });

  it("is trusted by its authority, for the name that was connected to", async () => {
    const verifyHostKey = certifiedBy([ca.publicKey]);
    assert.equal(await agreedOn({ verifyHostKey }), CERTIFICATE);
    await using server = await testServer({ hostKeys: [host] });
    const connecting = connect(server.flow, { ...ada, hostname: "www.example", verifyHostKey });
    await assert.rejects(connecting, (error) => {
      assert.ok(error instanceof HostKeyError);
      assert.equal(error.status, "not-known");
      assert.match(error.message, /its host key is ED25519-CERT SHA256:/);
      return true;
    });
    assert.deepEqual(server.attempts, []);
  });

  it("is missed where it is needed: a key alone is refused", async () => {
    const verifyHostKey = certifiedBy([ca.publicKey]);
    await assert.rejects(agreedOn({ verifyHostKey }, [plain]), HostKeyError);
    await assert.rejects(agreedOn({ verifyHostKey }, [ca]), HostKeyError);
  });

  it("cannot be judged without a name", async () => {
    await using server = await testServer({ hostKeys: [host] });
    const connecting = connect(server.flow, { ...ada, verifyHostKey: certifiedBy([ca.publicKey]) });
    await assert.rejects(connecting, (error) => {
      assert.ok(error instanceof HostKeyError);
      assert.equal(error.status, "error");
      assert.match(error.message, /the option hostname is not given/);
      return true;
    });
  });

  it("is not asked for first where the key is known: its own, or by its fingerprint", async () => {
    for (const authenticator of [plain.publicKey, fingerprint(plain.publicKey)]) {
      assert.equal(await agreedOn({ authenticator }), "ssh-ed25519");
      // Where there is no other way the certificate does as well: its key is the one.
      assert.equal(await agreedOn({ authenticator }, [host]), CERTIFICATE);
    }
    assert.equal(await agreedOn({ authenticator: ecdsa.publicKey }), "ecdsa-sha2-nistp256");
    const other = await certified(ecdsa, ["db.example"]);
    const hostKeys = [other, plain];
    assert.equal(
      await agreedOn({ authenticator: ecdsa.publicKey }, hostKeys),
      "ecdsa-sha2-nistp256-cert-v01@openssh.com",
    );
    assert.equal(await agreedOn({ insecureAcceptAnyHostKey: true }), "ssh-ed25519");
  });

  it("is not what a known key is compared with, but the key in it", async () => {
    const other = await certified(ecdsa, ["db.example"]);
    const authenticator = plain.publicKey;
    await assert.rejects(agreedOn({ authenticator }, [other]), (error) => {
      assert.ok(error instanceof HostKeyError);
      assert.equal(error.status, "found-other");
      return true;
    });
  });

  it("is asked for as the names say, where they are given", async () => {
    const algorithms = { ...ada.algorithms, hostKeys: ["ssh-ed25519", CERTIFICATE] };
    const verifyHostKey = (): boolean => true;
    assert.equal(await agreedOn({ verifyHostKey, algorithms }), "ssh-ed25519");
    const turned = { ...ada.algorithms, hostKeys: [CERTIFICATE, "ssh-ed25519"] };
    assert.equal(
      await agreedOn({ authenticator: fingerprint(plain.publicKey), algorithms: turned }),
      CERTIFICATE,
    );
  });
});
