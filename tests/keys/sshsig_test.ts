import { beforeAll, describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import assert from "node:assert/strict";
import { parseAllowedSigners } from "../../keys/allowed_signers.ts";
import { Certificate } from "../../keys/certificate.ts";
import { issueCertificate } from "../../keys/issue_certificate.ts";
import { parsePem } from "../../keys/pem.ts";
import { parsePrivateKey } from "../../keys/private_key.ts";
import { formatPublicKeyLine, parsePublicKeyLine, samePublicKey } from "../../keys/public_key.ts";
import {
  checkMessage,
  formatMessageSignature,
  parseMessageSignature,
  signMessage,
  verifyMessage,
} from "../../keys/sshsig.ts";
import type { PrivateKey, Signer } from "../../keys/types.ts";
import { withCertificate } from "../../keys/with_certificate.ts";
import { KeyFormatError } from "../../wire/errors.ts";
import { Reader } from "../../wire/reader.ts";
import { Writer } from "../../wire/writer.ts";
import { utf8 } from "../helpers/bytes.ts";
import { softwareSecurityKey } from "../helpers/software_security_key.ts";
import { certificates } from "./certificate_fixtures.ts";
import { privateKeys, publicKeys } from "./fixtures.ts";
import { signatures } from "./sshsig_fixtures.ts";

const kinds = ["ed25519", "ecdsa256", "ecdsa384", "ecdsa521", "rsa"] as const;
const file = { namespace: "file" };

describe("signatures that ssh-keygen has made", () => {
  for (const kind of kinds) {
    it(`${kind}: are right, and those of the key that they name`, async () => {
      const read = parseMessageSignature(signatures[kind]);
      assert.equal(samePublicKey(read.publicKey, parsePublicKeyLine(publicKeys[kind])), true);
      assert.deepEqual([read.namespace, read.hash], ["file", "sha512"]);
      assert.equal(formatMessageSignature(read), signatures[kind]);
      const checked = await checkMessage(signatures[kind], "data", file);
      assert.deepEqual(checked, { ...read, securityKey: null });
      assert.ok(await checkMessage(read, utf8("data"), file));
      assert.equal(await checkMessage(read, "data ", file), null);
      assert.equal(await checkMessage(read, "data", { namespace: "email" }), null);
    });
  }

  it("may be by SHA-256, and in any namespace", async () => {
    assert.equal(parseMessageSignature(signatures.sha256).hash, "sha256");
    assert.ok(await checkMessage(signatures.sha256, "data", file));
    const { namespace } = parseMessageSignature(signatures.namespace);
    assert.equal(namespace, "tëst@example.com");
    assert.ok(await checkMessage(signatures.namespace, "data", { namespace }));
  });
});

describe("signing messages", () => {
  let keys: PrivateKey[];
  beforeAll(async () => {
    keys = await Promise.all(kinds.map((kind) => parsePrivateKey(privateKeys[kind])));
  });
  const ed25519 = (): PrivateKey => keys[0] as PrivateKey;
  const p256 = (): PrivateKey => keys[1] as PrivateKey;

  it("what is signed is right, whatever the key, the message, the namespace and the hash", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: keys.length - 1 }),
        fc.uint8Array({ maxLength: 300 }),
        fc.string({ unit: "grapheme", minLength: 1 })
          .filter((text) => text.isWellFormed() && !text.includes("\0")),
        fc.constantFrom("sha256" as const, "sha512" as const),
        async (which, message, namespace, hash) => {
          const key = keys[which] as PrivateKey;
          const text = await signMessage(key, message, { namespace, hash });
          const read = parseMessageSignature(text);
          assert.deepEqual([read.namespace, read.hash], [namespace, hash]);
          assert.equal(formatMessageSignature(read), text);
          assert.ok(await checkMessage(text, message, { namespace }));
          const other = new Writer().raw(message).uint8(0).finish();
          assert.equal(await checkMessage(text, other, { namespace }), null);
        },
      ),
      { numRuns: 30 },
    );
  });

  it("a message may come piece by piece, and text counts as UTF-8", async () => {
    const pieces = ["da", "", "ta"];
    const stream = (): ReadableStream<Uint8Array> => ReadableStream.from(pieces.map(utf8));
    assert.ok(await checkMessage(signatures.ed25519, stream(), file));
    const text = await signMessage(ed25519(), stream(), file);
    assert.equal(text, signatures.ed25519);
    const umlauts = await signMessage(ed25519(), "ä", file);
    assert.equal(await signMessage(ed25519(), utf8("ä"), file), umlauts);
  });

  it("any byte that is changed makes it wrong, or no signature", async () => {
    const text = await signMessage(ed25519(), "data", file);
    const [{ bytes } = { bytes: new Uint8Array(0) }] = parsePem(text);
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at] = (changed[at] ?? 0) ^ 0x01;
      const body = btoa(String.fromCharCode(...changed));
      const armored = `-----BEGIN SSH SIGNATURE-----\n${body}\n-----END SSH SIGNATURE-----\n`;
      try {
        assert.equal(await checkMessage(armored, "data", file), null, `byte ${at}`);
      } catch (error) {
        assert.ok(error instanceof KeyFormatError);
      }
    }
  });

  it("a signature is for its namespace, and needs one", async () => {
    const text = await signMessage(ed25519(), "data", { namespace: "git" });
    assert.equal(await checkMessage(text, "data", file), null);
    const renamed = { ...parseMessageSignature(text), namespace: "file" };
    assert.equal(await checkMessage(renamed, "data", file), null);
    await assert.rejects(signMessage(ed25519(), "", { namespace: "" }), RangeError);
    const hash = "sha1" as "sha256";
    await assert.rejects(signMessage(ed25519(), "", { ...file, hash }), {
      name: "RangeError",
      message: "Cannot sign a message: sha1 is not one of sha256, sha512",
    });
  });

  it("what was signed to log in is no signature of a message, nor the other way round", async () => {
    const message = utf8("data");
    const signature = await ed25519().sign("ssh-ed25519", message);
    const read = parseMessageSignature(signatures.ed25519);
    assert.equal(await checkMessage({ ...read, signature }, message, file), null);
    assert.equal(
      await read.publicKey.verify("ssh-ed25519", message, read.signature),
      false,
    );
  });

  it("RSA keys sign with SHA-2, and no signature with SHA-1 is right", async () => {
    const read = parseMessageSignature(await signMessage(keys[4] as PrivateKey, "data", file));
    const reader = new Reader(read.signature, "signature");
    assert.equal(reader.name(), "rsa-sha2-512");
    const signature = new Writer().string("ssh-rsa").raw(reader.rest()).finish();
    assert.equal(await checkMessage({ ...read, signature }, "data", file), null);
    assert.equal(
      await checkMessage({ ...read, signature: new Uint8Array(0) }, "data", file),
      null,
    );
  });

  it("a certificate goes with the signature, if the signer shows one", async () => {
    const certificate = parsePublicKeyLine(certificates.ed25519);
    assert.ok(certificate instanceof Certificate);
    const text = await signMessage(withCertificate(ed25519(), certificate), "data", file);
    const checked = await checkMessage(text, "data", file);
    assert.ok(checked?.publicKey instanceof Certificate);
    assert.deepEqual(checked.publicKey.blob, certificate.blob);
  });

  it("a security key has to be touched, unless that is not asked", async () => {
    for (const secret of [ed25519(), p256()]) {
      const sign = (flags: number): Promise<string> =>
        signMessage(softwareSecurityKey(secret, { flags }), "data", file);
      const touched = await checkMessage(await sign(1), "data", file);
      assert.deepEqual(touched?.securityKey, {
        userPresent: true,
        userVerified: false,
        counter: 7,
      });
      const untouched = await sign(0);
      assert.equal(await checkMessage(untouched, "data", file), null);
      assert.ok(await checkMessage(untouched, "data", { ...file, touchRequired: false }));
    }
  });

  it("a certificate may ask a security key to make sure who signs", async () => {
    for (const [flags, accepted] of [[1, false], [5, true]] as const) {
      const signer = softwareSecurityKey(ed25519(), { flags });
      const certificate = await issueCertificate({
        key: signer.publicKey,
        ca: p256(),
        role: "user",
        keyId: "",
        principals: ["ada"],
        validBefore: null,
        criticalOptions: { "verify-required": true },
      });
      const text = await signMessage(withCertificate(signer, certificate), "data", file);
      const line = `ada cert-authority ${formatPublicKeyLine(p256().publicKey)}`;
      const expected = { ...file, identity: "ada", allowedSigners: parseAllowedSigners(line) };
      const verdict = await verifyMessage(text, "data", expected);
      assert.equal(verdict.accepted, accepted);
      if (!verdict.accepted) {
        assert.deepEqual(verdict.reasons, ["the security key did not make sure who signed"]);
      }
    }
  });

  it("who signed has to be allowed: the rest is in the file of allowed signers", async () => {
    const allowedSigners = parseAllowedSigners(
      `ada@example.com,*@work.example namespaces="file" ${publicKeys.ed25519}\n`,
    );
    const verify = (changes: { identity?: string; namespace?: string; signer?: Signer } = {}) =>
      signMessage(changes.signer ?? ed25519(), "data", {
        namespace: changes.namespace ?? "file",
      }).then((text) =>
        verifyMessage(text, "data", {
          namespace: changes.namespace ?? "file",
          identity: changes.identity ?? "ada@example.com",
          allowedSigners,
        })
      );
    const [line] = allowedSigners;
    assert.deepEqual(await verify(), {
      accepted: true,
      principals: ["ada@example.com", "*@work.example"],
      entry: line?.entry,
    });
    assert.equal((await verify({ identity: "bob@work.example" })).accepted, true);
    assert.deepEqual(await verify({ identity: "eve@example.com" }), {
      accepted: false,
      reasons: [
        "line 1: it is for ada@example.com,*@work.example, and not for eve@example.com",
      ],
    });
    assert.deepEqual(await verify({ namespace: "git" }), {
      accepted: false,
      reasons: ["line 1: it is for the namespaces file, and not for git"],
    });
    assert.deepEqual(await verify({ signer: p256() }), { accepted: false, reasons: [] });
    const wrong = await verifyMessage(signatures.ed25519, "other", {
      namespace: "file",
      identity: "ada@example.com",
      allowedSigners,
    });
    assert.deepEqual(wrong, {
      accepted: false,
      reasons: ["the signature is wrong, or for something else"],
    });
  });
});

describe("what is no signature", () => {
  const blob = (changes: {
    magic?: string;
    version?: number;
    key?: Uint8Array;
    namespace?: string | Uint8Array;
    hash?: string;
    more?: Uint8Array;
  } = {}): string => {
    const key = parsePublicKeyLine(publicKeys.ed25519).blob;
    const bytes = new Writer().raw(utf8(changes.magic ?? "SSHSIG")).uint32(changes.version ?? 1)
      .string(changes.key ?? key).string(changes.namespace ?? "file").string("reserved")
      .string(changes.hash ?? "sha512").string("signature")
      .raw(changes.more ?? new Uint8Array(0)).finish();
    const base64 = btoa(String.fromCharCode(...bytes));
    return `-----BEGIN SSH SIGNATURE-----\n${base64}\n-----END SSH SIGNATURE-----\n`;
  };

  it("has what is reserved ignored", () => {
    assert.equal(parseMessageSignature(blob()).namespace, "file");
  });

  const wrong: Readonly<Record<string, readonly [string, RegExp]>> = {
    "an empty text": ["", /it does not begin with -----BEGIN SSH SIGNATURE-----/],
    "text before it": [`\n${blob()}`, /it does not begin with/],
    "another block": [
      formatPublicKeyLine(parsePublicKeyLine(publicKeys.ed25519)),
      /it does not begin with/,
    ],
    "no end": [blob().slice(0, -10), /has no end/],
    "no base64": [blob().replace("U1NI", "U1*I"), /is not base64/],
    "another magic": [blob({ magic: "SSHSIX" }), /it does not begin with SSHSIG/],
    "a version of 2": [blob({ version: 2 }), /version 2 is not 1/],
    "a key that is none": [blob({ key: utf8("x") }), /public key: type/],
    "no namespace": [blob({ namespace: "" }), /the namespace is empty/],
    "a NUL in its namespace": [blob({ namespace: "a\0b" }), /has a NUL in it/],
    "a namespace that is not UTF-8": [blob({ namespace: Uint8Array.of(255) }), /is not UTF-8/],
    "SHA-1": [blob({ hash: "sha1" }), /hash sha1 is not one of sha256, sha512/],
    "a hash of JavaScript's": [blob({ hash: "constructor" }), /hash constructor is not one/],
    "a byte too many": [blob({ more: Uint8Array.of(0) }), /1 bytes too many/],
  };
  for (const [what, [text, message]] of Object.entries(wrong)) {
    it(`${what} is refused, with the place`, async () => {
      assert.throws(() => parseMessageSignature(text), { name: "KeyFormatError", message });
      await assert.rejects(checkMessage(text, "data", file), KeyFormatError);
    });
  }

  it("any text gives a signature or a KeyFormatError, and nothing else", () => {
    const [body = ""] = /^[^-]+$/m.exec(signatures.ed25519.split("\n").slice(1).join("\n")) ?? [];
    const texts = fc.oneof(fc.string(), fc.base64String(), fc.constant(body));
    fc.assert(fc.property(texts, fc.boolean(), (text, armored) => {
      try {
        parseMessageSignature(
          armored ? `-----BEGIN SSH SIGNATURE-----\n${text}\n-----END SSH SIGNATURE-----` : text,
        );
      } catch (error) {
        if (!(error instanceof KeyFormatError)) throw error;
      }
    }));
  });
});
