import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { type ConfigFiles, knownHostsOf, parseSshConfig } from "../../client/mod.ts";
import {
  addKnownHost,
  formatKrl,
  formatPublicKeyLine,
  generateKey,
  type PublicKey,
} from "../../keys/mod.ts";
import { HostKeyError } from "../../wire/errors.ts";

const [first, second] = (await Promise.all([generateKey("ed25519"), generateKey("ed25519")]))
  .map(({ publicKey }) => publicKey) as [PublicKey, PublicKey];
const host = { hostname: "db", port: 22 };
const base = "UserKnownHostsFile /own /second\nGlobalKnownHostsFile /etc/all\n";
const line = (key: PublicKey) => addKnownHost("", host, key);

/** Files in memory, and what has been written. */
function disk(texts: Record<string, string> = {}): ConfigFiles & { texts: Record<string, string> } {
  return {
    texts,
    read: (path) => texts[path] ?? null,
    write: (path, text) => void (texts[path] = text),
  };
}

/** What becomes of a key: whether it is accepted, or why not. */
async function verdict(
  text: string,
  files: ConfigFiles,
  key: PublicKey,
  answer?: boolean,
): Promise<boolean | string> {
  const config = await parseSshConfig(`${base}${text}`, { host: "db" });
  const ask = answer === undefined ? {} : { hostKey: () => answer };
  try {
    return await knownHostsOf(config, { files, ask })(key, host);
  } catch (error) {
    assert.ok(error instanceof HostKeyError, `${error}`);
    return error.status;
  }
}

describe("knownHostsOf", () => {
  it("knows hosts by all files of the user and of the system", async () => {
    for (const path of ["/own", "/second", "/etc/all"]) {
      assert.equal(await verdict("", disk({ [path]: line(first) }), first), true);
      assert.equal(await verdict("", disk({ [path]: line(first) }), second), "known-changed");
    }
  });

  it("does as StrictHostKeyChecking says about a host that is not known", async () => {
    const accepted: [string, boolean | undefined, boolean][] = [
      ["yes", true, false],
      ["ask", undefined, false],
      ["ask", false, false],
      ["ask", true, true],
      ["accept-new", undefined, true],
      ["no", undefined, true],
      ["ask\nBatchMode yes", true, false],
    ];
    for (const [checking, answer, isAccepted] of accepted) {
      const files = disk();
      const came = await verdict(`StrictHostKeyChecking ${checking}`, files, first, answer);
      assert.equal(came === true, isAccepted, `${checking}, ${answer}: ${came}`);
      assert.deepEqual(files.texts, isAccepted ? { "/own": line(first) } : {});
    }
  });

  it("refuses a key that has changed, whatever it is told", async () => {
    for (const checking of ["yes", "ask", "accept-new", "no", "off"]) {
      const files = disk({ "/etc/all": line(first) });
      const text = `StrictHostKeyChecking ${checking}\nNoHostAuthenticationForLocalhost yes`;
      assert.equal(await verdict(text, files, second, true), "known-changed");
      assert.deepEqual(Object.keys(files.texts), ["/etc/all"]);
    }
  });

  it("hashes names where HashKnownHosts says so", async () => {
    const files = disk();
    await verdict("StrictHostKeyChecking no\nHashKnownHosts yes", files, first);
    assert.match(files.texts["/own"] ?? "", /^\|1\|/);
    assert.equal(await verdict("", files, first), true);
  });

  it("remembers for itself what cannot be written down", async () => {
    const text = "StrictHostKeyChecking accept-new\nUpdateHostKeys yes\n";
    for (const where of ["UserKnownHostsFile none\n", ""]) {
      const read = () => null;
      const config = await parseSshConfig(`${where}${base}${text}`, { host: "db" });
      const verify = knownHostsOf(config, { files: { read } });
      assert.equal(await verify(first, host), true);
      await assert.rejects(async () => await verify(second, host), HostKeyError);
    }
  });

  it("keeps out the keys that are listed as revoked, and all if there is no such list", async () => {
    const known = { "/own": line(first) };
    const text = "RevokedHostKeys /revoked";
    const listed = `# gone\n\n  ${formatPublicKeyLine(first)} gone\n`;
    assert.equal(await verdict(text, disk({ ...known, "/revoked": "# none\n" }), first), true);
    assert.equal(await verdict(text, disk({ ...known, "/revoked": listed }), first), "revoked");
    assert.equal(await verdict(text, disk(known), first), "error");
    const damaged = `${formatPublicKeyLine(second)}\nnonsense\n`;
    assert.equal(await verdict(text, disk({ ...known, "/revoked": damaged }), first), "error");
    const files = disk({ ...known, "/revoked": "SSHKRL\n\0" });
    assert.equal(await verdict(text, files, first), "error", "that is no text");
    for (const [revoked, expected] of [[first, "revoked"], [second, true]] as const) {
      const readBytes = () => formatKrl({ keys: [revoked] });
      assert.equal(await verdict(text, { ...files, readBytes }, first), expected);
    }
    const config = await parseSshConfig(`${base}${text}\nUpdateHostKeys yes`, { host: "db" });
    const store = { ...disk(known), readBytes: () => formatKrl({ keys: [second] }) };
    await knownHostsOf(config, { files: store }).update?.([first, second], first, host);
    assert.equal(store.read("/own"), line(first), "what is revoked is not learned");
  });

  it("keeps out RSA keys that are shorter than RequiredRSASize", async () => {
    const { publicKey } = await generateKey("rsa", { bits: 2048 });
    const files = disk({ "/own": line(publicKey) });
    assert.equal(await verdict("", files, publicKey), true);
    assert.equal(await verdict("RequiredRSASize 2048", files, publicKey), true);
    assert.equal(await verdict("RequiredRSASize 3072", files, publicKey), "error");
  });

  it("keeps everybody out where files cannot be read", async () => {
    const files = { read: () => Promise.reject(new Error("the disk is gone")) };
    assert.equal(await verdict("StrictHostKeyChecking no", files, first), "error");
  });

  it("learns the server's other keys where UpdateHostKeys says so, and asks for known ones", async () => {
    for (const [value, isLearned] of [["yes", true], ["no", false], ["ask", false]] as const) {
      const config = await parseSshConfig(`${base}UpdateHostKeys ${value}`, { host: "db" });
      const files = disk({ "/own": line(first) });
      const verify = knownHostsOf(config, { files });
      await verify.update?.([first, second], first, host);
      assert.equal(files.texts["/own"]?.split("\n").length, isLearned ? 3 : 2);
      assert.deepEqual((await verify.expect(host)).certified, true);
    }
  });
});
