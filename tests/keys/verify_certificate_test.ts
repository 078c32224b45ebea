import { beforeAll, describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { Certificate } from "../../keys/certificate.ts";
import { certifiedBy } from "../../keys/certified_by.ts";
import { type CertificateRequest, issueCertificate } from "../../keys/issue_certificate.ts";
import { parsePrivateKey } from "../../keys/private_key.ts";
import { parsePublicKeyLine } from "../../keys/public_key.ts";
import type { PrivateKey, PublicKey } from "../../keys/types.ts";
import { type CertificateExpectation, verifyCertificate } from "../../keys/verify_certificate.ts";
import { Writer } from "../../wire/writer.ts";
import { softwareSecurityKey } from "../helpers/software_security_key.ts";
import { certificates } from "./certificate_fixtures.ts";
import { privateKeys, publicKeys } from "./fixtures.ts";

const START = Date.parse("2024-01-01T00:00:00Z");
const END = Date.parse("2034-01-01T00:00:00Z");
const NOW = Date.parse("2025-06-07T08:09:10Z");
/** How long the signature of an Ed25519 key is at the end of a certificate. */
const signatureBytes = 4 + 4 + "ssh-ed25519".length + 4 + 64;

function certificateOf(line: string): Certificate {
  const key = parsePublicKeyLine(line);
  assert.ok(key instanceof Certificate);
  return key;
}

const ca = parsePublicKeyLine(publicKeys.ed25519);
const ada: CertificateExpectation = {
  role: "user",
  principals: "ada",
  trustedCas: [ca],
  now: () => NOW,
};

/** The reason of a refusal; null if there is none. */
async function refusal(
  certificate: Certificate | string,
  expectation: Partial<CertificateExpectation> = {},
): Promise<string | null> {
  const read = typeof certificate === "string" ? certificateOf(certificate) : certificate;
  const verdict = await verifyCertificate(read, { ...ada, ...expectation });
  return verdict.accepted ? null : verdict.reason;
}

describe("what is made of a certificate", () => {
  let issuer: PrivateKey;
  beforeAll(async () => {
    issuer = await parsePrivateKey(privateKeys.ed25519);
  });

  /** A certificate for Ada. */
  const issue = (request: Partial<CertificateRequest> = {}): Promise<Certificate> =>
    issueCertificate({
      key: ca,
      ca: issuer,
      role: "user",
      keyId: "id",
      principals: ["ada"],
      validBefore: null,
      ...request,
    });

  it("for each type of key, and each of its authority, it is accepted", async () => {
    const names = ["ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa", "skEd25519", "skEcdsa"];
    for (const name of names) {
      assert.equal(await refusal(certificates[name as keyof typeof certificates]), null, name);
    }
    const by = { Ecdsa256: "ecdsa256", Ecdsa384: "ecdsa384", Ecdsa521: "ecdsa521", Rsa: "rsa" };
    for (const [name, key] of Object.entries(by)) {
      const line = certificates[`by${name as keyof typeof by}`];
      const trustedCas = [parsePublicKeyLine(publicKeys[key as keyof typeof publicKeys])];
      assert.equal(await refusal(line, { trustedCas }), null, name);
    }
  });

  it("an authority that is not trusted does not count", async () => {
    assert.equal(await refusal(certificates.byRsa), "its authority is not trusted");
    assert.equal(
      await refusal(certificates.ed25519, { trustedCas: [] }),
      "its authority is not trusted",
    );
  });

  it("one that names a trusted authority which has not signed it is refused", async () => {
    const { blob } = certificateOf(certificates.ed25519);
    const forged = blob.slice();
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    assert.equal(await refusal(new Certificate(forged)), "its authority's signature is wrong");
  });

  it("one that was signed with SHA-1 is refused, whatever is allowed", async () => {
    const trustedCas = [parsePublicKeyLine(publicKeys.rsa)];
    assert.equal(await refusal(certificates.byRsaSha256, { trustedCas }), null);
    assert.equal(
      await refusal(certificates.byRsaSha1, { trustedCas }),
      "its authority signed with ssh-rsa, which is not allowed",
    );
    const signatureAlgorithms = ["ssh-rsa"];
    assert.equal(
      await refusal(certificates.byRsaSha1, { trustedCas, signatureAlgorithms }),
      "its authority's signature is wrong",
    );
    assert.equal(
      await refusal(certificates.byRsaSha256, {
        trustedCas,
        signatureAlgorithms: ["rsa-sha2-512"],
      }),
      "its authority signed with rsa-sha2-256, which is not allowed",
    );
  });

  it("an authority may be a security key, touched or not", async () => {
    for (const flags of [0, 1]) {
      const signer = softwareSecurityKey(issuer, { flags });
      const certificate = await issue({ ca: signer });
      assert.equal(await refusal(certificate, { trustedCas: [signer.publicKey] }), null);
      const forged = certificate.blob.slice();
      forged[forged.length - 1] = 99;
      assert.equal(
        await refusal(new Certificate(forged), { trustedCas: [signer.publicKey] }),
        "its authority's signature is wrong",
      );
    }
  });

  const revocations: readonly (readonly [string, readonly PublicKey[], string | null])[] = [
    ["nothing that it has to do with", [parsePublicKeyLine(publicKeys.rsa)], null],
    ["another certificate of its key", [certificateOf(certificates.restricted)], null],
    ["itself", [certificateOf(certificates.ed25519)], "it has been revoked"],
    ["its key", [parsePublicKeyLine(publicKeys.ed25519)], "its authority has been revoked"],
  ];
  for (const [what, revoked, reason] of revocations) {
    it(`where ${what} is revoked: ${reason ?? "accepted"}`, async () => {
      assert.equal(await refusal(certificates.ed25519, { revoked }), reason);
    });
  }

  it("its key, itself and its authority are asked about, and only a clear no lets it be", async () => {
    const asked: PublicKey[] = [];
    const certificate = certificateOf(certificates.rsa);
    const ask = (answer: (key: PublicKey) => unknown) => (key: PublicKey): Promise<boolean> => {
      asked.push(key);
      return Promise.resolve(answer(key) as boolean);
    };
    assert.equal(await refusal(certificate, { revoked: ask(() => false) }), null);
    assert.deepEqual(asked, [certificate.ca, certificate, certificate.publicKey]);
    const isCa = (key: PublicKey): boolean => key === certificate.ca;
    assert.equal(
      await refusal(certificate, { revoked: ask(isCa) }),
      "its authority has been revoked",
    );
    const isKey = (key: PublicKey): boolean => key === certificate.publicKey;
    assert.equal(await refusal(certificate, { revoked: ask(isKey) }), "it has been revoked");
    assert.equal(
      await refusal(certificate, { revoked: ask(() => undefined) }),
      "its authority has been revoked",
    );
    const failing = (): never => {
      throw new Error("no list");
    };
    await assert.rejects(refusal(certificate, { revoked: failing }), /no list/);
    const plain = [parsePublicKeyLine(publicKeys.rsa)];
    assert.equal(await refusal(certificate, { revoked: plain }), "it has been revoked");
  });

  it("it is for users or for hosts", async () => {
    assert.equal(
      await refusal(certificates.host, { principals: "db.example.com" }),
      "it is a host's certificate, not a user's",
    );
    assert.equal(
      await refusal(certificates.ed25519, { role: "host" }),
      "it is a user's certificate, not a host's",
    );
  });

  it("it is for its principals, and one without any is for nobody", async () => {
    assert.equal(await refusal(certificates.ed25519, { principals: "bob" }), null);
    assert.equal(await refusal(certificates.ed25519, { principals: ["eve", "bob"] }), null);
    assert.equal(
      await refusal(certificates.ed25519, { principals: "eve" }),
      "it is for ada, bob, and not for eve",
    );
    for (const principals of ["Ada", "ada,bob", "", "*", "ad?", []]) {
      assert.match(
        await refusal(certificates.ed25519, { principals }) ?? "",
        /^it is for ada, bob/,
      );
    }
    assert.equal(await refusal(certificates.nobody), "it is for nobody: it has no principals");
  });

  it("patterns stand for users' names in none", async () => {
    const certificate = await issue({ principals: ["*", "ad?"] });
    assert.equal(await refusal(certificate), "it is for *, ad?, and not for ada");
    assert.equal(await refusal(certificate, { principals: "*" }), null);
  });

  it("patterns stand for hosts' names, whose case does not count", async () => {
    const host = (principals: string) => refusal(certificates.host, { role: "host", principals });
    for (const name of ["db.example.com", "DB.Example.com", "a.example.org", "a.b.example.org"]) {
      assert.equal(await host(name), null, name);
    }
    for (
      const name of ["example.com", "b.example.com", "example.org", "db.example.com.evil", "*"]
    ) {
      assert.match(await host(name) ?? "", /^it is for db\.example\.com/, name);
    }
  });

  const times: readonly (readonly [string, number, string | null])[] = [
    ["before it begins", START - 1, "it is not valid before 2024-01-01T00:00:00.000Z"],
    ["when it begins", START, null],
    ["just before it ends", END - 1, null],
    ["when it ends", END, "it was valid before 2034-01-01T00:00:00.000Z"],
    ["by a clock that does not work", NaN, "it is not valid before 2024-01-01T00:00:00.000Z"],
  ];
  for (const [what, time, reason] of times) {
    it(`${what}: ${reason ?? "accepted"}`, async () => {
      assert.equal(await refusal(certificates.ed25519, { now: () => time }), reason);
    });
  }

  it("one that is for ever is for ever", async () => {
    for (const time of [0, NOW, 8.64e15]) {
      assert.equal(await refusal(certificates.unlimited, { now: () => time }), null);
    }
  });

  it("what it does not allow is not allowed", async () => {
    const all = await verifyCertificate(certificateOf(certificates.ed25519), ada);
    assert.deepEqual(all, {
      accepted: true,
      permissions: {
        pty: true,
        portForwarding: true,
        agentForwarding: true,
        x11Forwarding: true,
        userRc: true,
      },
    });
    const none = await verifyCertificate(await issue({ extensions: [] }), ada);
    assert.ok(none.accepted);
    assert.deepEqual([...new Set(Object.values(none.permissions))], [false]);
  });

  it("its conditions are passed on", async () => {
    const verdict = await verifyCertificate(certificateOf(certificates.restricted), {
      ...ada,
      address: "192.0.2.9",
    });
    assert.deepEqual(verdict, {
      accepted: true,
      permissions: {
        forceCommand: "echo forced",
        pty: true,
        portForwarding: false,
        agentForwarding: false,
        x11Forwarding: false,
        userRc: false,
        touchRequired: false,
        verifyRequired: true,
      },
    });
  });

  it("a condition that is not known refuses it, and an extension does not", async () => {
    const reason = "its critical option limit@example.com is not known";
    assert.equal(await refusal(certificates.custom), reason);
    assert.equal(await refusal(certificates.extended), null);
    // An extension is none, wherever else its name is known.
    const misplaced = await issue({ criticalOptions: { "permit-pty": true } });
    assert.equal(await refusal(misplaced), "its critical option permit-pty is not known");
  });

  it("its conditions of logins do not count for messages, whatever they are; others do", async () => {
    const use = "message";
    const certificate = await issue({
      criticalOptions: { "source-address": "192.0.2.0/24", "force-command": "x" },
    });
    assert.equal(await refusal(certificate, { use }), null);
    const nonsense = await issue({ criticalOptions: { "source-address": "nonsense" } });
    assert.equal(await refusal(nonsense, { use }), null);
    const unknown = await issue({ criticalOptions: { "x@example.com": "y" } });
    const reason = "its critical option x@example.com is not known";
    assert.equal(await refusal(unknown, { use }), reason);
  });

  it("hosts have no conditions: any refuses", async () => {
    const certificate = await issue({
      role: "host",
      criticalOptions: { "force-command": "x" },
    });
    assert.equal(
      await refusal(certificate, { role: "host" }),
      "its critical option force-command is not known",
    );
  });

  const addresses: readonly (readonly [string, string | null, string | null])[] = [
    ["192.0.2.0/24", "192.0.2.1", null],
    ["192.0.2.0/24", "::ffff:192.0.2.1", null],
    ["2001:db8::/32,192.0.2.0/24", "192.0.2.1", null],
    ["fe80::/10", "fe80::1%eth0", null],
    ["192.0.2.0/24", "192.0.3.1", "it is for 192.0.2.0/24, and not for 192.0.3.1"],
    ["192.0.2.0/24", "host.example", "it is for 192.0.2.0/24, and not for host.example"],
    ["192.0.2.0/24", null, "it is bound to an address, and the user's is not known"],
    ["0.0.0.0/0", "::1", "it is for 0.0.0.0/0, and not for ::1"],
    ["", "192.0.2.1", 'its source-address "" is not a list of networks'],
    ["*", "192.0.2.1", 'its source-address "*" is not a list of networks'],
    ["192.0.2.1/24", "192.0.2.1", 'its source-address "192.0.2.1/24" is not a list of networks'],
    [
      "192.0.2.0/24,!192.0.2.9",
      "192.0.2.1",
      'its source-address "192.0.2.0/24,!192.0.2.9" is not a list of networks',
    ],
  ];
  for (const [allowed, address, reason] of addresses) {
    it(`for ${JSON.stringify(allowed)}, from ${address}: ${reason ?? "accepted"}`, async () => {
      const certificate = await issue({ criticalOptions: { "source-address": allowed } });
      assert.equal(await refusal(certificate, { address }), reason);
    });
  }

  it("one whose options are not as they should be is refused", async () => {
    const flag = await issue({ criticalOptions: { "verify-required": "yes" } });
    assert.match(await refusal(flag) ?? "", /verify-required: 7 bytes too many/);
    const bare = await issue({ criticalOptions: { "force-command": true } });
    assert.match(await refusal(bare) ?? "", /force-command: value/);
    const extension = await issue({ extensions: { "permit-pty": "x" } });
    assert.match(await refusal(extension) ?? "", /permit-pty: 5 bytes too many/);
    const { blob } = await issue({ criticalOptions: { "force-command": "a_b" } });
    const signed = blob.slice(0, -signatureBytes);
    signed[new TextDecoder("latin1").decode(signed).indexOf("a_b") + 1] = 0;
    const signature = await issuer.sign("ssh-ed25519", signed);
    const nul = new Certificate(new Writer().raw(signed).string(signature).finish());
    assert.match(await refusal(nul) ?? "", /force-command: there is a NUL in it/);
  });
});

describe("certifiedBy", () => {
  const host = certificateOf(certificates.host);
  const judge = certifiedBy([ca], { now: () => NOW });

  it("accepts the certificates of hosts that it knows the authority of, by their names", async () => {
    assert.equal(await judge(host, { hostname: "db.example.com", port: 2222 }), true);
    assert.equal(await judge(host, { hostname: "www.example.com" }), false);
    assert.equal(await judge(certificateOf(certificates.ed25519), { hostname: "ada" }), false);
    const others = certifiedBy([parsePublicKeyLine(publicKeys.rsa)], { now: () => NOW });
    assert.equal(await others(host, { hostname: "db.example.com" }), false);
    const late = certifiedBy([ca], { now: () => END });
    assert.equal(await late(host, { hostname: "db.example.com" }), false);
    const revoked = certifiedBy([ca], { now: () => NOW, revoked: [host] });
    assert.equal(await revoked(host, { hostname: "db.example.com" }), false);
  });

  it("accepts no key without one, not even that of the authority", async () => {
    assert.equal(await judge(host.publicKey, { hostname: "db.example.com" }), false);
    assert.equal(await judge(ca, { hostname: "db.example.com" }), false);
  });

  it("has to be told the name", async () => {
    await assert.rejects(async () => await judge(host, {}), {
      name: "TypeError",
      message: "Cannot judge a certificate: the option hostname is not given",
    });
  });
});
