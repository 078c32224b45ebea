import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { isFrom } from "../../keys/_from.ts";
import {
  type AuthorizationRequest,
  authorize,
  authorizedKeys,
  permissionsOfKey,
} from "../../keys/authorize.ts";
import { generateKey } from "../../keys/generate.ts";
import { issueCertificate } from "../../keys/issue_certificate.ts";
import { mergePermissions, type Permissions } from "../../keys/permissions.ts";
import { formatPublicKeyLine, parsePublicKey, parsePublicKeyLine } from "../../keys/public_key.ts";
import { Reader } from "../../wire/reader.ts";
import { Writer } from "../../wire/writer.ts";
import { publicKeys } from "./fixtures.ts";

const key = parsePublicKeyLine(publicKeys.ed25519);
const words = publicKeys.ed25519.split(" ").slice(0, 2).join(" ");
const rsaWords = publicKeys.rsa.split(" ").slice(0, 2).join(" ");
const noon = Date.UTC(2030, 0, 2, 12);

function ask(text: string, request: Partial<AuthorizationRequest> = {}) {
  const usual = { key, user: "ada", address: "192.0.2.7", now: () => noon };
  return authorize(authorizedKeys(text), { ...usual, ...request });
}

async function permissions(text: string, request: Partial<AuthorizationRequest> = {}) {
  const answer = await ask(text, request);
  assert.ok(answer.accepted, JSON.stringify(answer));
  return answer.permissions;
}

async function refusal(text: string, request: Partial<AuthorizationRequest> = {}) {
  const answer = await ask(text, request);
  assert.ok(!answer.accepted);
  return answer.reasons.join("\n");
}

describe("an authorized key", () => {
  it("lets in by the first line that does, with what that permits", async () => {
    const text = [
      `no-pty ${rsaWords}`,
      `from="203.0.113.0/24" ${words}`,
      `unknown ${words}`,
      `expiry-time="20300101Z" ${words}`,
      `command="first" ${words}`,
      `command="second" ${words}`,
    ].join("\n");
    const answer = await ask(text);
    assert.ok(answer.accepted);
    assert.deepEqual(answer.permissions, { forceCommand: "first" });
    assert.equal(answer.entry.line, 5);
    assert.deepEqual(authorizedKeys(text).problems.map(({ message }) => message), [
      "Cannot read authorized keys, line 3: unknown is not known, or has to have a value",
    ]);
  });

  it("lets nobody in that is not there", async () => {
    assert.equal(await refusal(""), "");
    assert.equal(await refusal(`# ${words}\nunknown ${words}\n${rsaWords}`), "");
  });

  it("lets in by no key that is equal but for its exponent", async () => {
    const rsa = new Reader(parsePublicKeyLine(publicKeys.rsa).blob, "key");
    const [type, exponent, modulus] = [rsa.string(), rsa.string(), rsa.string()];
    assert.deepEqual(exponent, Uint8Array.of(1, 0, 1));
    const keyWith = (exponent: Uint8Array) =>
      parsePublicKey(new Writer().string(type).string(exponent).string(modulus).finish());
    const text = `${rsaWords}\n`;
    assert.equal((await ask(text, { key: keyWith(exponent) })).accepted, true);
    assert.equal((await ask(text, { key: keyWith(Uint8Array.of(3)) })).accepted, false);
  });

  it("may be used from where `from` says, and from nowhere if that is not known", async () => {
    const text = `from="192.0.2.0/24,!192.0.2.9,*.example" ${words}`;
    assert.deepEqual(await permissions(text), {});
    assert.deepEqual(await permissions(text, { address: "host.example" }), {});
    for (const address of ["192.0.2.9", "203.0.113.7", "host.org", null]) {
      assert.match(await refusal(text, { address }), /^line 1: it is for .*, and not for /);
    }
  });

  it("may be used until `expiry-time`", async () => {
    const text = `expiry-time="20300102120000Z" ${words}`;
    assert.deepEqual(await permissions(text), {});
    for (const now of [noon + 1, NaN]) {
      assert.equal(
        await refusal(text, { now: () => now }),
        "line 1: it was valid until 2030-01-02T12:00:00.000Z",
      );
    }
  });

  it("permits what its options say", () => {
    assert.deepEqual(permissionsOfKey({}), {});
    const denied = {
      pty: false,
      portForwarding: false,
      agentForwarding: false,
      x11Forwarding: false,
      userRc: false,
    };
    assert.deepEqual(permissionsOfKey({ restrict: true }), denied);
    assert.deepEqual(permissionsOfKey(denied), denied);
    const { pty: _, ...rest } = denied;
    assert.deepEqual(permissionsOfKey({ restrict: true, pty: true }), rest);
    const more = {
      environment: { A: "1" },
      permitOpen: [{ host: "a", port: 80 }],
      permitListen: [{ host: "*", port: 80 }],
      tunnel: "0",
      touchRequired: false,
      verifyRequired: true,
    };
    assert.deepEqual(permissionsOfKey({ ...more, command: "x", from: "a", certAuthority: true }), {
      ...more,
      forceCommand: "x",
    });
  });

  it("that has been revoked lets nobody in", async () => {
    assert.equal(await refusal(words, { revoked: [key] }), "line 1: its key has been revoked");
  });

  it("with principals, but no authority's, lets nobody in", async () => {
    assert.match(await refusal(`principals="ada" ${words}`), /^line 1: it has principals/);
  });
});

describe("an authority among the authorized keys", () => {
  const issue = async (changes: object = {}) => {
    const [ca, user] = await Promise.all([generateKey("ed25519"), generateKey("ecdsa")]);
    const certificate = await issueCertificate({
      key: user.publicKey,
      ca,
      role: "user",
      keyId: "test",
      principals: ["ada"],
      validBefore: null,
      ...changes,
    });
    return { certificate, user: user.publicKey, ca: formatPublicKeyLine(ca.publicKey), caKey: ca };
  };

  it("lets in whom it has certified, and not its own key", async () => {
    const { certificate, user, ca, caKey } = await issue();
    const text = `cert-authority ${ca}`;
    assert.ok((await ask(text, { key: certificate })).accepted);
    assert.equal(
      await refusal(text, { key: caKey.publicKey }),
      "line 1: its key is an authority's",
    );
    assert.equal(await refusal(text, { key: user }), "");
    assert.equal(await refusal(ca, { key: certificate }), "line 1: its key is no authority's");
  });

  it("certifies for its principals, or else for the user's name", async () => {
    const { certificate, ca } = await issue({ principals: ["ops"] });
    assert.match(await refusal(`cert-authority ${ca}`, { key: certificate }), /it is for ops/);
    const text = `cert-authority,principals="dev,ops" ${ca}`;
    assert.ok((await ask(text, { key: certificate })).accepted);
    assert.ok(
      !(await ask(`cert-authority,principals="dev" ${ca}`, { key: certificate })).accepted,
    );
  });

  it("permits what both the line and the certificate permit", async () => {
    const forced = await issue({ criticalOptions: { "force-command": "one" } });
    const text = (options: string) => `cert-authority,${options} ${forced.ca}`;
    const key = forced.certificate;
    const merged = await permissions(text("no-pty"), { key });
    assert.deepEqual([merged.pty, merged.forceCommand], [false, "one"]);
    assert.notEqual(merged.portForwarding, false);
    assert.equal((await permissions(text('command="one"'), { key })).forceCommand, "one");
    assert.match(await refusal(text('command="two"'), { key }), /do not agree on the command/);
  });

  it("that has been revoked lets nobody in, nor does what it has certified if that has", async () => {
    const { certificate, ca, user, caKey } = await issue();
    const text = `cert-authority ${ca}`;
    for (const revoked of [[caKey.publicKey], [certificate], [user]]) {
      assert.match(await refusal(text, { key: certificate, revoked }), /revoked$/);
    }
  });
});

describe("permissions that hold at once", () => {
  it("allow to forward to where both do", () => {
    const [a, b, c] = [1, 2, 3].map((port) => ({ host: "a", port }));
    assert.ok(a && b && c);
    assert.deepEqual(mergePermissions({ permitOpen: [a, b] }, { permitOpen: [b, c] }), {
      permitOpen: [b],
    });
    assert.deepEqual(mergePermissions({ permitListen: [a] }, { permitListen: [c] }), {
      permitListen: [],
    });
    assert.deepEqual(mergePermissions({}, { permitOpen: [a], tunnel: "0" }), {
      permitOpen: [a],
      tunnel: "0",
    });
  });

  it("allow tunnels by the device that both allow", () => {
    const [denied, listed] = [{ portForwarding: false }, { permitOpen: [] }];
    const merges: readonly [a: Permissions, b: Permissions, merged: Permissions | null][] = [
      [{ tunnel: "1" }, {}, { tunnel: "1" }],
      [{ tunnel: "any" }, {}, { tunnel: "any" }],
      [{ tunnel: "any" }, { tunnel: "1" }, { tunnel: "1" }],
      [{ tunnel: "1" }, { tunnel: "1" }, { tunnel: "1" }],
      [{ tunnel: "1" }, { tunnel: "2" }, null],
      // Who may forward nothing, or to what is listed only, and has no device, has no tunnels.
      [{ tunnel: "1" }, denied, denied],
      [{ tunnel: "any" }, listed, listed],
      [{ tunnel: "1", ...denied }, {}, { tunnel: "1", ...denied }],
      [{ tunnel: "1", ...denied }, { tunnel: "any" }, { tunnel: "1", ...denied }],
    ];
    for (const [a, b, merged] of merges) {
      assert.deepEqual(mergePermissions(a, b), merged);
      assert.deepEqual(mergePermissions(b, a), merged);
    }
  });
});

describe("the list of where a key may be used from", () => {
  it("takes addresses, networks and patterns", () => {
    const matching = [
      ["192.0.2.7", "192.0.2.7"],
      ["192.0.2.7", "192.0.2.0/24"],
      ["192.0.2.7", "192.0.2.*"],
      ["192.0.2.7", "10.0.0.0/8,192.0.?.7"],
      ["192.0.2.7", "*"],
      ["192.0.2.7", "*,!192.0.2.8"],
      ["192.0.2.7", "!203.0.113.0/24,192.0.2.7"],
      ["::ffff:192.0.2.7", "192.0.2.0/24"],
      ["::ffff:192.0.2.7", "192.0.2.*"],
      ["2001:db8::7", "2001:db8::/32"],
      ["2001:DB8:0::7", "2001:db8::7"],
      ["fe80::1%eth0", "fe80::/10"],
      ["Host.Example", "*.EXAMPLE"],
    ] as const;
    for (const [peer, list] of matching) assert.ok(isFrom(list, peer), `${peer} ${list}`);
    const others = [
      ["192.0.2.7", "192.0.2.8"],
      ["192.0.2.7", "192.0.3.0/24"],
      ["192.0.2.7", "192.0.2.7,!192.0.2.0/24"],
      ["192.0.2.7", "!192.0.2.7,*"],
      ["192.0.2.7", "!192.0.2.8"],
      ["192.0.2.7", "*.example"],
      ["192.0.2.7", "192.0.2.1/24"],
      ["192.0.2.7", "192.0.2.7,,"],
      ["192.0.2.7", "192.0.2.7,!"],
      ["192.0.2.7", ""],
      ["192.0.2.7", "::/0"],
      ["2001:db8::7", "0.0.0.0/0"],
      ["host.example", "0.0.0.0/0"],
      ["host.example.org", "*.example"],
    ] as const;
    for (const [peer, list] of others) assert.ok(!isFrom(list, peer), `${peer} ${list}`);
    assert.ok(!isFrom("*", null));
  });
});
