import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { generateKey } from "../../keys/generate.ts";
import { issueCertificate } from "../../keys/issue_certificate.ts";
import { addKnownHost } from "../../keys/known_hosts_edit.ts";
import { verifyKnownHost } from "../../keys/known_hosts_verify.ts";
import { formatPublicKeyLine } from "../../keys/public_key.ts";

const host = { hostname: "db.example", port: 2222 };
const [key, ca] = [await generateKey("ed25519"), await generateKey("ed25519")];
const NOW = Date.UTC(2030, 0, 1);
const certificate = await issueCertificate({
  key: key.publicKey,
  ca,
  role: "host",
  keyId: "db",
  principals: ["*.example"],
  validBefore: new Date(NOW + 1000),
});
const authority = `@cert-authority * ${formatPublicKeyLine(ca.publicKey)}\n`;
const options = { now: () => NOW };

describe("a host's certificate", () => {
  it("is ok if a line has its authority, and it holds", async () => {
    const verdict = await verifyKnownHost(authority, host, certificate, options);
    assert.equal(verdict.status, "ok");
    assert.deepEqual(verdict.matches.map(({ marker }) => marker), ["cert-authority"]);
    assert.equal(verdict.certificate, null);
  });

  it("counts for nothing otherwise: its key is judged, and it is said why", async () => {
    const known = addKnownHost(authority, host, key.publicKey);
    const table: readonly [text: string, now: number, hostname: string, RegExp, status: string][] =
      [
        [authority, NOW + 2000, "db.example", /^it was valid before/, "not-known"],
        [authority, NOW, "db.org", /^it is for \*\.example, and not for db\.org$/, "not-known"],
        [known, NOW + 2000, "db.example", /^it was valid before/, "ok"],
        ["", NOW, "db.example", /^its authority is not known$/, "not-known"],
      ];
    for (const [text, now, hostname, why, status] of table) {
      const at = { ...host, hostname };
      const verdict = await verifyKnownHost(text, at, certificate, { now: () => now });
      assert.equal(verdict.status, status);
      assert.match(verdict.certificate ?? "", why);
    }
    assert.equal((await verifyKnownHost(null, host, certificate)).status, "file-not-found");
  });

  it("is revoked with its authority, with its key, and by itself", async () => {
    for (const revoked of [ca.publicKey, key.publicKey, certificate]) {
      const text = `${authority}@revoked * ${formatPublicKeyLine(revoked)}\n`;
      const verdict = await verifyKnownHost(text, host, certificate, options);
      assert.equal(verdict.status, "revoked");
      assert.deepEqual(verdict.matches.map(({ line }) => line), [2]);
    }
  });

  it("cannot be judged by a text that is too large", async () => {
    const verdict = await verifyKnownHost("#".repeat(9_000_000), host, certificate, options);
    assert.equal(verdict.status, "error");
  });
});

describe("a host's plain key", () => {
  it("is judged as ever", async () => {
    const text = addKnownHost("", host, key.publicKey);
    const verdict = await verifyKnownHost(text, host, key.publicKey);
    assert.deepEqual([verdict.status, verdict.certificate], ["ok", null]);
    assert.equal((await verifyKnownHost(text, host, ca.publicKey)).status, "known-changed");
  });
});
