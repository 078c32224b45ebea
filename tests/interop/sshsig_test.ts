import { afterAll, beforeAll, describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import {
  checkMessage,
  checkSigner,
  formatAllowedSignerLine,
  formatKrl,
  formatPrivateKey,
  formatPublicKeyLine,
  issueCertificate,
  type MessageHash,
  parseAllowedSigners,
  parseMessageSignature,
  parseRevokedKeys,
  type PublicKey,
  type Signer,
  type SignerOptions,
  signMessage,
  verifyMessage,
  withCertificate,
} from "../../keys/mod.ts";
import { matchPatternList } from "../../keys/patterns.ts";
import { describePeer } from "../helpers/peers.ts";
import { softwareSecurityKey } from "../helpers/software_security_key.ts";
import { keyKinds, keyOf } from "../helpers/sshd.ts";

const message = "the news of today\n";
const ada = "ada@example.com";
const WEBAUTHN = "webauthn-sk-ecdsa-sha2-nistp256@openssh.com";

describePeer("ssh-keygen", "signatures of messages and ssh-keygen", (keygen) => {
  let dir = "";
  let files = 0;
  beforeAll(async () => {
    dir = await Deno.makeTempDir({ prefix: "sshflow-sshsig-" });
  });
  afterAll(() => Deno.remove(dir, { recursive: true }));

  const newPath = (): string => `${dir}/${files++}`;
  const save = async (text: string, path: string = newPath()): Promise<string> => {
    await Deno.writeTextFile(path, text, { mode: 0o600 });
    return path;
  };

  /** Runs `ssh-keygen -Y` on a message. */
  async function run(...args: string[]): Promise<{ success: boolean; output: string }> {
    const child = new Deno.Command(keygen, {
      args: ["-Y", ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      env: { TZ: "UTC" },
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(message)).catch(() => {});
    await writer.close().catch(() => {});
    const { success, stdout, stderr } = await child.output();
    const decoder = new TextDecoder();
    return { success, output: decoder.decode(stdout) + decoder.decode(stderr) };
  }

  function lineOf(principals: string, options: SignerOptions, key: PublicKey): string {
    const { type, blob } = key;
    return formatAllowedSignerLine({ principals, options, type, blob, comment: "a comment" });
  }

  /** What both ends say of a signature; they have to agree. */
  async function verdict(
    signature: string,
    file: string,
    { namespace = "file", identity = ada, time = "20250607080910" } = {},
  ): Promise<boolean> {
    const [allowed, sig] = [await save(file), await save(signature)];
    const verify = ["verify", "-f", allowed, "-I", identity, "-n", namespace, "-s", sig];
    const theirs = await run(...verify, "-O", `verify-time=${time}`);
    const ours = await verifyMessage(signature, message, {
      namespace,
      identity,
      allowedSigners: parseAllowedSigners(file),
      now: () => Date.parse(time.replace(/(....)(..)(..)(..)(..)(..)/, "$1-$2-$3T$4:$5:$6Z")),
    });
    const said = JSON.stringify(ours.accepted ? ours.principals : ours.reasons);
    assert.equal(ours.accepted, theirs.success, `${said}\n${theirs.output}`);
    return ours.accepted;
  }

  for (const kind of keyKinds) {
    for (const hash of ["sha512", "sha256"] as const satisfies readonly MessageHash[]) {
      it(`${kind}, ${hash}: what we sign it verifies, and what it signs we verify`, async () => {
        const key = await keyOf(kind);
        const allowed = lineOf(ada, {}, key.publicKey);
        const ours = await signMessage(key, message, { namespace: "file", hash });
        assert.equal(await verdict(ours, allowed), true);
        const path = await save(await formatPrivateKey(key));
        const theirs = await run(
          ...["sign", "-f", path, "-n", "file", "-q", "-O", `hashalg=${hash}`],
        );
        assert.equal(theirs.success, true, theirs.output);
        assert.equal(parseMessageSignature(theirs.output).hash, hash);
        assert.equal(await verdict(theirs.output, allowed), true);
      });
    }
  }

  it("checks without a file of signers agree: the message, and what it is for", async () => {
    const ours = await signMessage(await keyOf("ed25519"), message, { namespace: "file" });
    const other = await signMessage(await keyOf("ed25519"), "fake", { namespace: "file" });
    for (const [signature, namespace] of [[ours, "file"], [ours, "git"], [other, "file"]]) {
      assert.ok(signature && namespace);
      const sig = await save(signature);
      const theirs = await run("check-novalidate", "-n", namespace, "-s", sig);
      const checked = await checkMessage(signature, message, { namespace });
      assert.equal(checked !== null, theirs.success);
      assert.equal(theirs.success, signature === ours && namespace === "file");
    }
  });

  it("files of allowed signers say the same to both", async () => {
    const key = await keyOf("ed25519");
    const other = lineOf(ada, {}, (await keyOf("rsa")).publicKey);
    const line = (principals: string, options: SignerOptions = {}): string =>
      lineOf(principals, options, key.publicKey);
    const at = (text: string): Date => new Date(text);
    const signature = await signMessage(key, message, { namespace: "file" });
    const cases: readonly (readonly [string, boolean])[] = [
      [`# nothing\n\n${other}\n${line(ada)}\n`, true],
      [other, false],
      ["nonsense\n" + line(ada), true],
      [line("*@example.com"), true],
      [line("a?a@example.com,x"), true],
      [line("*,!ada@example.com"), false],
      [line("!ada@example.com,*"), false],
      [line("eve@example.com"), false],
      [`"${ada}" ${line(ada).slice(ada.length + 1)}`, true],
      [`"eve, ${ada}" ${line(ada).slice(ada.length + 1)}`, false],
      [line(ada, { namespaces: "git,fi*" }), true],
      [line(ada, { namespaces: "git" }), false],
      [line(ada, { namespaces: "*,!file" }), false],
      [line(ada, { validAfter: at("2025-06-07T08:09:10Z") }), true],
      [line(ada, { validAfter: at("2025-06-07T08:09:11Z") }), false],
      [line(ada, { validBefore: at("2025-06-07T08:09:10Z") }), true],
      [line(ada, { validBefore: at("2025-06-07T08:09:09Z") }), false],
      [line(ada, { certAuthority: true }), false],
      [line(ada).replace(" ssh-", " unknown ssh-"), false],
      [line(ada).replace(" ssh-", ' namespaces="file",namespaces="x" ssh-'), false],
      [line(ada).replace(" ssh-", ' NameSpaces="file" ssh-'), true],
    ];
    for (const [file, expected] of cases) {
      assert.equal(await verdict(signature, `${file}\n`), expected, file);
    }
  });

  it("who may have signed is found by both", async () => {
    const key = await keyOf("nistp256");
    const sig = await save(await signMessage(key, message, { namespace: "file" }));
    for (const principals of ["ada@example.com,bob@example.com", "*@example.com"]) {
      const file = `${lineOf(principals, {}, key.publicKey)}\n`;
      const theirs = await run("find-principals", "-f", await save(file), "-s", sig);
      const ours = await checkSigner(parseAllowedSigners(file), key.publicKey, {
        identity: null,
        namespace: null,
      });
      assert.ok(ours.accepted);
      assert.deepEqual(theirs.output.trim().split("\n"), ours.principals);
    }
  });

  it("what has been revoked counts for neither: a key, a certificate's key, or its authority's", async () => {
    const [key, ca, other] = [await keyOf("ed25519"), await keyOf("nistp384"), await keyOf("rsa")];
    const certificate = await issueCertificate({
      key: key.publicKey,
      ca,
      role: "user",
      keyId: "id",
      principals: [ada],
      validBefore: null,
    });
    const authority = lineOf(ada, { certAuthority: true }, ca.publicKey);
    const file = `${lineOf(ada, {}, key.publicKey)}\n${authority}\n`;
    const allowed = await save(file);
    for (const signer of [key, withCertificate(key, certificate)]) {
      const signature = await signMessage(signer, message, { namespace: "file" });
      const sig = await save(signature);
      for (const { publicKey } of [key, ca, other]) {
        const isBad = publicKey === key.publicKey || signer !== key && publicKey === ca.publicKey;
        const line = new TextEncoder().encode(`${formatPublicKeyLine(publicKey)}\n`);
        for (const list of [line, formatKrl({ keys: [publicKey] })]) {
          const path = newPath();
          await Deno.writeFile(path, list);
          const args = ["-f", allowed, "-I", ada, "-n", "file", "-s", sig, "-r", path];
          const theirs = await run("verify", ...args);
          assert.equal(theirs.success, !isBad, theirs.output);
          const ours = await verifyMessage(signature, message, {
            namespace: "file",
            identity: ada,
            allowedSigners: parseAllowedSigners(file),
            revoked: parseRevokedKeys(list),
          });
          assert.equal(ours.accepted, !isBad);
        }
      }
    }
  });

  it("which lines are about somebody is found by both", async () => {
    const { publicKey } = await keyOf("ed25519");
    const lists = [ada, "*@example.com", "a*,b*", "*,!ada@*", "bob@example.com", "!*", "ADA*"];
    const file = lists.map((list) => `${lineOf(list, {}, publicKey)}\n`).join("");
    const allowed = await save(file);
    for (const identity of [ada, "bob@example.com", "eve@example.org", "A", ""]) {
      const theirs = await run("match-principals", "-f", allowed, "-I", identity);
      const ours = parseAllowedSigners(file).flatMap(({ entry }) => entry?.principals ?? [])
        .filter((list) => matchPatternList(identity, list) === "match");
      assert.equal(theirs.success, ours.length > 0);
      if (theirs.success) assert.deepEqual(theirs.output.trim().split("\n"), ours);
    }
  });

  describe("with a certificate", () => {
    it("who may have signed is found by both", async () => {
      const { publicKey: ca } = await keyOf("nistp384");
      for (const pattern of ["*@example.com", ada, "*@example.org"]) {
        const { signer } = await certified([ada, "bob@example.com", "eve@example.net"]);
        const sig = await save(await signMessage(signer, message, { namespace: "file" }));
        const file = `${lineOf(pattern, { certAuthority: true }, ca)}\n`;
        const theirs = await run("find-principals", "-f", await save(file), "-s", sig);
        const ours = await checkSigner(parseAllowedSigners(file), signer.publicKey, {
          identity: null,
          namespace: null,
        });
        assert.equal(ours.accepted, theirs.success, theirs.output);
        if (!ours.accepted) continue;
        assert.deepEqual(theirs.output.trim().split(/[\n,]/), ours.principals);
      }
    });

    const certified = async (
      principals: readonly string[],
      validBefore: Date | null = null,
      criticalOptions: Readonly<Record<string, string | true>> = {},
    ) => {
      const signer = await keyOf("ed25519");
      const certificate = await issueCertificate({
        key: signer.publicKey,
        ca: await keyOf("nistp384"),
        role: "user",
        keyId: "id",
        principals,
        validBefore,
        criticalOptions,
      });
      return { signer: withCertificate(signer, certificate), certificate };
    };

    it("both ask the authority's line, the principals and the time", async () => {
      const { publicKey: ca } = await keyOf("nistp384");
      const end = new Date("2025-06-07T08:09:10Z");
      const authority = lineOf("*@example.com", { certAuthority: true }, ca);
      const cases: readonly (readonly [string, readonly string[], Date | null, boolean])[] = [
        [authority, [ada], null, true],
        [authority, ["bob@example.com"], null, false],
        [authority, [ada], end, false],
        [authority, [ada], new Date(end.getTime() + 1000), true],
        [lineOf("*@example.org", { certAuthority: true }, ca), [ada], null, false],
        [lineOf("*@example.com", {}, ca), [ada], null, false],
        [lineOf(ada, {}, (await keyOf("ed25519")).publicKey), [ada], null, false],
      ];
      for (const [file, principals, validBefore, expected] of cases) {
        const { signer } = await certified(principals, validBefore);
        const signature = await signMessage(signer, message, { namespace: "file" });
        assert.equal(await verdict(signature, `${file}\n`), expected, file);
      }
    });

    it("neither asks what is for logins; what is not known to anybody only we refuse", async () => {
      const { publicKey: ca } = await keyOf("nistp384");
      const file = `${lineOf(ada, { certAuthority: true }, ca)}\n`;
      const signatureWith = async (criticalOptions: Readonly<Record<string, string | true>>) => {
        const { signer } = await certified([ada], null, criticalOptions);
        return await signMessage(signer, message, { namespace: "file" });
      };
      for (
        const options of [
          { "source-address": "192.0.2.0/24" },
          { "force-command": "false" },
          { "verify-required": true },
        ] as const
      ) {
        assert.equal(await verdict(await signatureWith(options), file), true);
      }
      const unknown = await signatureWith({ "x@example.com": "y" });
      const allowed = await save(file);
      const args = ["-f", allowed, "-I", ada, "-n", "file", "-s", await save(unknown)];
      assert.equal((await run("verify", ...args)).success, true);
      const expected = {
        namespace: "file",
        identity: ada,
        allowedSigners: parseAllowedSigners(file),
      };
      assert.deepEqual(await verifyMessage(unknown, message, expected), {
        accepted: false,
        reasons: ["line 1: its critical option x@example.com is not known"],
      });
    });

    it("what it signs with one we verify", async () => {
      const { certificate } = await certified([ada]);
      const path = await save(await formatPrivateKey(await keyOf("ed25519")));
      await save(`${formatPublicKeyLine(certificate)}\n`, `${path}-cert.pub`);
      const signed = await run("sign", "-q", "-f", `${path}-cert.pub`, "-n", "file");
      assert.equal(signed.success, true, signed.output);
      assert.deepEqual(parseMessageSignature(signed.output).publicKey.blob, certificate.blob);
      const { publicKey: ca } = await keyOf("nistp384");
      const file = lineOf(ada, { certAuthority: true }, ca);
      assert.equal(await verdict(signed.output, `${file}\n`), true);
    });
  });

  describe("by a security key", () => {
    const check = async (signature: string): Promise<boolean> => {
      const sig = await save(signature);
      return (await run("check-novalidate", "-n", "file", "-s", sig)).success;
    };

    it("are right to both", async () => {
      for (const kind of ["ed25519", "nistp256"] as const) {
        const signer = softwareSecurityKey(await keyOf(kind), { flags: 5 });
        const signature = await signMessage(signer, message, { namespace: "file" });
        const file = lineOf(ada, {}, signer.publicKey);
        assert.equal(await verdict(signature, `${file}\n`), true);
        const { signature: bytes, ...rest } = parseMessageSignature(signature);
        const flags = bytes.slice();
        flags[flags.length - 5] = 4;
        const forged = { ...rest, signature: flags };
        const touchless = { namespace: "file", touchRequired: false };
        assert.equal(await checkMessage(forged, message, touchless), null);
      }
    });

    it("through a browser are right to both, and wrong to both", async () => {
      const secret = await keyOf("nistp256");
      const cases: readonly (readonly [Parameters<typeof softwareSecurityKey>[1], boolean])[] = [
        [{}, true],
        [{ origin: "https://login.example.org:8443" }, true],
        [{ flags: 0x81, extensions: Uint8Array.of(0xa0) }, true],
        [{ flags: 0x81 }, false],
        [{ extensions: Uint8Array.of(0xa0) }, false],
        [{ flags: 0x41 }, false],
        [{ origin: 'https://x","y":"' }, false],
        [{ clientData: (json) => json.replace(".get", ".create") }, false],
        [{ clientData: (json) => json.replace("example", "evil") }, false],
        [{ clientData: (json) => json.replace(",", ", ") }, false],
      ];
      for (const [settings, expected] of cases) {
        const key = softwareSecurityKey(secret, { application: "example.com", ...settings });
        const browser: Signer = {
          publicKey: key.publicKey,
          sign: (_, data) => key.sign(WEBAUTHN, data),
        };
        const signature = await signMessage(browser, message, { namespace: "file" });
        const ours = await checkMessage(signature, message, { namespace: "file" });
        assert.equal(ours !== null, expected, JSON.stringify(settings));
        assert.equal(await check(signature), expected, JSON.stringify(settings));
      }
    });
  });
});
