import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { addKnownHost } from "../../keys/known_hosts_edit.ts";
import {
  checkKnownHost,
  findKnownHost,
  type KnownHostStatus,
  type KnownHostsText,
} from "../../keys/known_hosts_lookup.ts";
import { parsePublicKeyLine } from "../../keys/public_key.ts";
import type { PublicKey } from "../../keys/types.ts";
import { publicKeys } from "./fixtures.ts";

const host = { hostname: "host.example" };
const ed25519 = parsePublicKeyLine(publicKeys.ed25519);
const otherEd25519 = parsePublicKeyLine(publicKeys.ed25519Encrypted);
const p256 = parsePublicKeyLine(publicKeys.ecdsa256);
const p384 = parsePublicKeyLine(publicKeys.ecdsa384);
const rsa = parsePublicKeyLine(publicKeys.rsa);
const words = (line: string): string => line.split(" ").slice(0, 2).join(" ");
const [edWords, otherWords, p384Words, rsaWords] = [
  publicKeys.ed25519,
  publicKeys.ed25519Encrypted,
  publicKeys.ecdsa384,
  publicKeys.rsa,
].map(words);

function check(
  texts: KnownHostsText,
  key: PublicKey = ed25519,
  address: { hostname: string; port?: number } = host,
): [status: KnownHostStatus, lines: number[]] {
  const { status, matches } = checkKnownHost(texts, address, key);
  return [status, matches.map(({ line }) => line)];
}

describe("a host's key", () => {
  it("is ok if a line says so, whatever others say", () => {
    assert.deepEqual(check(`host.example ${edWords}\n`), ["ok", [1]]);
    assert.deepEqual(
      check(`host.example ${otherWords}\nhost.example ${rsaWords}\n*.example ${edWords}`),
      ["ok", [3]],
    );
    assert.deepEqual(check(addKnownHost("", host, ed25519, { hash: true })), ["ok", [1]]);
    assert.equal(check(`HOST.example ${edWords}`, ed25519, { hostname: "Host.Example" })[0], "ok");
  });

  it("has changed if another of its type is known", () => {
    const text = `host.example ${rsaWords}\nhost.example ${otherWords}\n`;
    assert.deepEqual(check(text), ["known-changed", [2, 1]]);
    assert.deepEqual(check(`host.example ${p384Words}`, p384)[0], "ok");
  });

  it("is another if only keys of other types are known: curves are types of their own", () => {
    assert.deepEqual(check(`host.example ${rsaWords}\n`), ["found-other", [1]]);
    assert.deepEqual(check(`host.example ${p384Words}\n`, p256), ["found-other", [1]]);
  });

  it("is not known if no line is about the host, or none that can be read", () => {
    assert.deepEqual(check(""), ["not-known", []]);
    assert.deepEqual(check(`other.example ${edWords}\n`), ["not-known", []]);
    assert.deepEqual(check(`*,!host.example ${edWords}\n`), ["not-known", []]);
    assert.deepEqual(check(`host.example ${edWords?.slice(0, 30)}\n`), ["not-known", []]);
    assert.deepEqual(check(`@cert-authority host.example ${edWords}\n`), ["not-known", []]);
    assert.deepEqual(check(`#host.example ${edWords}\n`), ["not-known", []]);
  });

  it("is not known for want of a file only where there is none at all", () => {
    assert.deepEqual(check(null), ["file-not-found", []]);
    assert.deepEqual(check([]), ["file-not-found", []]);
    assert.deepEqual(check([null, null]), ["file-not-found", []]);
    assert.deepEqual(check([null, ""]), ["not-known", []]);
    assert.deepEqual(check([null, `host.example ${edWords}`]), ["ok", [1]]);
  });

  it("is revoked if any file says so, whatever others say", () => {
    const revoked = `@revoked * ${edWords}\n`;
    assert.deepEqual(check([`host.example ${edWords}\n`, revoked]), ["revoked", [1]]);
    assert.deepEqual(check(`host.example ${edWords}\n${revoked}`), ["revoked", [2]]);
    assert.deepEqual(check(`@revoked *.org ${edWords}\nhost.example ${edWords}`), ["ok", [2]]);
    assert.deepEqual(check(`@revoked * ${otherWords}\nhost.example ${edWords}`), ["ok", [2]]);
  });

  it("is looked for under the host's port, and then without", () => {
    const at2222 = { hostname: "host.example", port: 2222 };
    const plain = `host.example ${edWords}\n`;
    assert.deepEqual(check(plain, ed25519, at2222), ["ok", [1]]);
    assert.deepEqual(check(plain, otherEd25519, at2222), ["not-known", []]);
    assert.deepEqual(check(`${plain}[host.example]:2222 ${otherWords}`, ed25519, at2222), [
      "known-changed",
      [2],
    ]);
    assert.deepEqual(check(`[host.example]:2222 ${edWords}`), ["not-known", []]);
    assert.deepEqual(check(`@revoked host.example ${edWords}`, ed25519, at2222), ["revoked", [1]]);
  });

  it("cannot be judged by a file that is too large", () => {
    const { status, error } = checkKnownHost("#".repeat(8 * 1024 * 1024 + 1), host, ed25519);
    assert.equal(status, "error");
    assert.match(error?.message ?? "", /^Cannot read known hosts: /);
  });
});

describe("the lines about a host", () => {
  it("are found in all files, with those of authorities and revoked keys", () => {
    const found = findKnownHost([
      `host.example ${edWords}\nother ${edWords}\n`,
      null,
      `@cert-authority *.example ${rsaWords}\n@revoked * ${otherWords}\n`,
    ], host);
    assert.deepEqual(found.map(({ source, line, marker }) => [source, line, marker]), [
      [0, 1, null],
      [2, 1, "cert-authority"],
      [2, 2, "revoked"],
    ]);
    assert.deepEqual(
      found.map(({ blob }) => blob),
      [ed25519, rsa, otherEd25519].map((k) => k.blob),
    );
  });
});
