import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { parseAllowedSigners } from "../../keys/allowed_signers.ts";
import { Certificate } from "../../keys/certificate.ts";
import { checkSigner, type SignerExpectation } from "../../keys/check_signer.ts";
import { parsePublicKeyLine } from "../../keys/public_key.ts";
import { certificates } from "./certificate_fixtures.ts";
import { publicKeys } from "./fixtures.ts";

const NOW = Date.parse("2025-06-07T08:09:10Z");
const key = parsePublicKeyLine(publicKeys.ed25519);
const other = parsePublicKeyLine(publicKeys.rsa);
const bare = publicKeys.ed25519.split(" ").slice(0, 2).join(" ");

function certificateOf(line: string): Certificate {
  const read = parsePublicKeyLine(line);
  assert.ok(read instanceof Certificate);
  return read;
}

/** Why a file does not allow a key: its reasons; or the principals that it gives. */
async function check(
  file: string,
  expectation: Partial<SignerExpectation> = {},
  signer = key,
): Promise<{ principals?: readonly string[]; reasons?: readonly string[] }> {
  const verdict = await checkSigner(parseAllowedSigners(file), signer, {
    identity: "ada@example.com",
    namespace: "file",
    now: () => NOW,
    ...expectation,
  });
  if (verdict.accepted) return { principals: verdict.principals };
  return { reasons: verdict.reasons };
}

describe("a signer", () => {
  it("is allowed by the first line that has their key, and allows it", async () => {
    const file = `bob ${bare}\n*@example.com ${bare}\nada@example.com ${publicKeys.rsa}\n`;
    assert.deepEqual(await check(file), { principals: ["*@example.com"] });
    assert.deepEqual(await check(file, { identity: "ada" }), {
      reasons: [
        "line 1: it is for bob, and not for ada",
        "line 2: it is for *@example.com, and not for ada",
      ],
    });
    assert.deepEqual(await check(file, {}, other), { principals: ["ada@example.com"] });
    assert.deepEqual(await check(""), { reasons: [] });
  });

  it("is found without an identity", async () => {
    const file = `ada@example.com,ada@example.org ${bare}\n`;
    assert.deepEqual(await check(file, { identity: null }), {
      principals: ["ada@example.com", "ada@example.org"],
    });
  });

  it("is not who is ruled out", async () => {
    const file = `*@example.com,!ada@example.com ${bare}\n`;
    assert.ok((await check(file)).reasons);
    assert.ok((await check(file, { identity: "bob@example.com" })).principals);
    // Patterns are on the file's side only.
    assert.ok((await check(`ada@example.com ${bare}`, { identity: "*" })).reasons);
  });

  it("may be bound to namespaces", async () => {
    const file = `* namespaces="git,file-*" ${bare}\n`;
    assert.ok((await check(file, { namespace: "git" })).principals);
    assert.ok((await check(file, { namespace: "file-a" })).principals);
    assert.ok((await check(file, { namespace: null })).principals);
    assert.deepEqual(await check(file), {
      reasons: ["line 1: it is for the namespaces git,file-*, and not for file"],
    });
    assert.ok((await check(`* namespaces="" ${bare}`)).reasons);
  });

  const times: readonly (readonly [string, number, boolean])[] = [
    ["20250607080910Z", 0, true],
    ["20250607080910Z", 999, true],
    ["20250607080910Z", 1000, false],
    ["20250607080911Z", 0, true],
    ["20250607080909Z", 0, false],
  ];
  for (const [time, offset, allowed] of times) {
    it(`until ${time}, ${offset} ms later: ${allowed}`, async () => {
      const now = (): number => NOW + offset;
      const { principals } = await check(`* valid-before="${time}" ${bare}`, { now });
      assert.equal(principals !== undefined, allowed);
    });
  }

  it("may be allowed from a time on, which counts", async () => {
    const file = `* valid-after="20250607080910Z" ${bare}`;
    assert.ok((await check(file)).principals);
    assert.deepEqual(await check(file, { now: () => NOW - 1 }), {
      reasons: ["line 1: it is not valid before 2025-06-07T08:09:10.000Z"],
    });
    assert.ok((await check(file, { now: () => NaN })).reasons);
  });

  it("is not allowed with a key that has been revoked", async () => {
    const file = `* ${bare}`;
    assert.deepEqual(await check(file, { revoked: [key] }), {
      reasons: ["line 1: its key has been revoked"],
    });
    assert.ok((await check(file, { revoked: [other] })).principals);
  });

  describe("with a certificate", () => {
    const authority = `*@example.com,ada cert-authority ${bare}\n`;
    const certificate = certificateOf(certificates.ed25519);

    it("needs its authority, and has to be one of its principals", async () => {
      assert.deepEqual(await check(authority, { identity: "ada" }, certificate), {
        principals: ["ada"],
      });
      assert.deepEqual(await check(authority, {}, certificate), {
        reasons: ["line 1: it is for ada, bob, and not for ada@example.com"],
      });
      assert.deepEqual(await check(authority, { identity: "bob" }, certificate), {
        reasons: ["line 1: it is for *@example.com,ada, and not for bob"],
      });
      assert.deepEqual(await check(`ada ${publicKeys.rsa}`, { identity: "ada" }, certificate), {
        reasons: [],
      });
    });

    it("is not allowed by a line without cert-authority, and a key not by one with it", async () => {
      assert.deepEqual(await check(`ada ${bare}`, { identity: "ada" }, certificate), {
        reasons: ["line 1: its key is no authority's"],
      });
      assert.deepEqual(await check(authority, { identity: "ada" }), {
        reasons: ["line 1: its key is an authority's"],
      });
    });

    it("gives those of its principals that the line allows", async () => {
      const find = (file: string) => check(file, { identity: null }, certificate);
      assert.deepEqual(await find(authority), { principals: ["ada"] });
      assert.deepEqual(await find(`* cert-authority ${bare}`), { principals: ["ada", "bob"] });
      assert.ok((await find(`eve cert-authority ${bare}`)).reasons);
    });

    it("may have conditions of logins, which say nothing of messages", async () => {
      const { criticalOptions } = certificateOf(certificates.restricted);
      assert.ok(criticalOptions.has("source-address") && criticalOptions.has("force-command"));
      const restricted = certificateOf(certificates.restricted);
      assert.ok((await check(authority, { identity: "ada" }, restricted)).principals);
    });

    it("has to hold", async () => {
      const late = { identity: "ada", now: () => Date.parse("2034-01-01T00:00:00Z") };
      assert.deepEqual(await check(authority, late, certificate), {
        reasons: ["line 1: it was valid before 2034-01-01T00:00:00.000Z"],
      });
      const ada = { identity: "ada" };
      for (const name of ["custom", "nobody", "host"] as const) {
        assert.ok((await check(authority, ada, certificateOf(certificates[name]))).reasons, name);
      }
      const revoked = [certificate];
      assert.ok((await check(authority, { ...ada, revoked }, certificate)).reasons);
      const sha1 = `ada cert-authority ${publicKeys.rsa}`;
      assert.ok((await check(sha1, ada, certificateOf(certificates.byRsaSha256))).principals);
      assert.ok((await check(sha1, ada, certificateOf(certificates.byRsaSha1))).reasons);
    });
  });
});
