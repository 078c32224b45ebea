import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { formatPublicKeyLine, generateKey, type PublicKey } from "../../keys/mod.ts";
import { keyboardInteractive, password, publicKey } from "../../protocol/mod.ts";
import {
  type AuthDecision,
  authenticateUsers,
  AuthenticationError,
  type ServerAuthAttempt,
  type User,
} from "../../server/mod.ts";
import { host, type HostingOptions, meet } from "./_hosting.ts";

const head = {
  user: "ada",
  accepted: [],
  peer: { identification: "SSH-2.0-x", address: null },
} as const;

function byPassword(password: string, user = "ada"): ServerAuthAttempt {
  return { ...head, user, method: "password", password, newPassword: null };
}

function byKey(key: PublicKey, user = "ada", proven = true): ServerAuthAttempt {
  const [algorithm = ""] = key.algorithms;
  return { ...head, user, method: "publickey", key, algorithm, proven, securityKey: null };
}

function byAnswer(answers: readonly string[], asked: unknown[] = []): ServerAuthAttempt {
  const ask = (challenge: unknown): Promise<readonly string[]> => {
    asked.push(challenge);
    return Promise.resolve(answers);
  };
  return { ...head, method: "keyboard-interactive", submethods: [], ask };
}

describe("users", () => {
  it("come in by their password, and by no other", async () => {
    const authenticate = authenticateUsers({ ada: { password: "sesame" }, bob: {} });
    assert.equal(await authenticate(byPassword("sesame")), true);
    for (const wrong of ["", "Sesame", "sesame ", "sesam", "sesame\0"]) {
      assert.equal(await authenticate(byPassword(wrong)), false, JSON.stringify(wrong));
    }
    assert.equal(await authenticate(byPassword("sesame", "eve")), false);
    assert.equal(await authenticate(byPassword("sesame", "bob")), false);
    assert.equal(await authenticate(byPassword("", "bob")), false);
  });

  it("come in by answering for their password", async () => {
    const authenticate = authenticateUsers({ ada: { password: "sesame" } }, { prompt: "Word? " });
    const asked: unknown[] = [];
    assert.equal(await authenticate(byAnswer(["sesame"], asked)), true);
    assert.equal(await authenticate(byAnswer(["other"])), false);
    assert.equal(await authenticate(byAnswer([])), false);
    const prompts = [{ prompt: "Word? ", echo: false }];
    assert.deepEqual(asked, [{ name: "", instruction: "", prompts }]);
  });

  it("come in by their keys, given as keys or as lines", async () => {
    const [one, two, other] = await Promise.all([
      generateKey("ed25519"),
      generateKey("ecdsa"),
      generateKey("ed25519"),
    ]);
    const authenticate = authenticateUsers({
      ada: { keys: [one.publicKey, `${formatPublicKeyLine(two.publicKey)} ada@example`] },
      bob: { keys: [other.publicKey] },
    });
    assert.equal(await authenticate(byKey(one.publicKey)), true);
    assert.equal(await authenticate(byKey(two.publicKey)), true);
    assert.equal(await authenticate(byKey(one.publicKey, "ada", false)), true);
    assert.equal(await authenticate(byKey(other.publicKey)), false);
    assert.equal(await authenticate(byKey(one.publicKey, "eve")), false);
    assert.equal(await authenticate(byPassword("")), false);
  });

  it("do not come in without a method", async () => {
    const authenticate = authenticateUsers({ ada: { password: "sesame" } });
    assert.equal(await authenticate({ ...head, method: "none" }), false);
  });

  it("by names that only JavaScript knows are unknown", async () => {
    const authenticate = authenticateUsers({ ada: { password: "sesame" } });
    for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty"]) {
      assert.equal(await authenticate(byPassword("sesame", name)), false, name);
    }
  });

  it("can be a map, or looked up, in their own time", async () => {
    const ada: User = { password: "sesame" };
    const looked: string[] = [];
    const lookup = async (name: string): Promise<User | null> => {
      looked.push(name);
      await Promise.resolve();
      return name === "ada" ? ada : null;
    };
    for (const users of [new Map([["ada", ada]]), lookup]) {
      const authenticate = authenticateUsers(users);
      assert.equal(await authenticate(byPassword("sesame")), true);
      assert.equal(await authenticate(byPassword("sesame", "eve")), false);
    }
    assert.deepEqual(looked, ["ada", "eve"]);
  });

  it("whose password is empty are a mistake; looked up, they have none", async () => {
    assert.throws(() => authenticateUsers({ ada: { password: "" } }), /ada.*password is empty/);
    const authenticate = authenticateUsers(() => ({ password: "" }));
    assert.equal(await authenticate(byPassword("")), false);
  });

  it("can have what stands for a password; who does not exist is checked as long", async () => {
    const checked: [string, string][] = [];
    const verifyPassword = (password: string, stored: string): Promise<boolean> => {
      checked.push([password, stored]);
      return Promise.resolve(true);
    };
    const users = { bob: {}, ada: { password: "$hash of sesame" } };
    const authenticate = authenticateUsers(users, { verifyPassword });
    assert.equal(await authenticate(byPassword("sesame")), true);
    assert.equal(await authenticate(byPassword("sesame", "eve")), false);
    assert.equal(await authenticate(byPassword("sesame", "bob")), false);
    assert.deepEqual(checked, Array(3).fill(["sesame", "$hash of sesame"]));
    checked.length = 0;
    const other = authenticateUsers(() => null, { verifyPassword, standIn: "$a stand-in" });
    assert.equal(await other(byPassword("x")), false);
    assert.deepEqual(checked, [["x", "$a stand-in"]]);
  });

  it("cannot have their password changed here", async () => {
    const authenticate = authenticateUsers({ ada: { password: "sesame" } });
    const attempt = { ...byPassword("sesame"), newPassword: "simsim" } as ServerAuthAttempt;
    assert.equal(await authenticate(attempt), false);
  });

  it("can have to pass several methods, in their order", async () => {
    const key = await generateKey("ed25519");
    const authenticate = authenticateUsers({
      ada: { password: "sesame", keys: [key.publicKey], require: ["publickey", "password"] },
    });
    const login = { user: "ada", method: "publickey", key: key.publicKey, permissions: {} };
    const accepted = [login];
    const decide = async (attempt: ServerAuthAttempt): Promise<AuthDecision> =>
      await authenticate(attempt);
    assert.equal(await decide(byPassword("sesame")), false);
    assert.deepEqual(await decide(byKey(key.publicKey)), { partial: ["password"] });
    assert.equal(await decide({ ...byPassword("other"), accepted }), false);
    assert.equal(await decide({ ...byAnswer(["sesame"]), accepted }), false);
    assert.equal(await decide({ ...byKey(key.publicKey), accepted }), false);
    assert.equal(await decide({ ...byPassword("sesame"), accepted }), true);
  });
});

describe("users of a server", () => {
  async function entering(options: HostingOptions): Promise<string> {
    const key = await generateKey("ed25519", { seed: "ada's" });
    const authenticate = authenticateUsers({
      ada: { password: "sesame", keys: [key.publicKey] },
      bob: { password: "b", keys: [key.publicKey], require: ["publickey", "password"] },
    });
    const authMethods = ["publickey", "password", "keyboard-interactive"] as const;
    await using hosting = await meet({ authMethods, authenticate, ...options });
    const login = await hosting.server.authenticated.catch(() => null);
    if (login === null) await assert.rejects(hosting.client.authenticated, AuthenticationError);
    return login?.method ?? "refused";
  }

  it("enter by each method", async () => {
    const key = await generateKey("ed25519", { seed: "ada's" });
    const other = await generateKey("ed25519");
    const answer = keyboardInteractive(({ prompts }) => prompts.map(() => "sesame"));
    assert.equal(await entering({ methods: [password("sesame")] }), "password");
    assert.equal(await entering({ methods: [publicKey(key)] }), "publickey");
    assert.equal(await entering({ methods: [answer] }), "keyboard-interactive");
    const later = [publicKey(other), password("wrong"), answer];
    assert.equal(await entering({ methods: later }), "keyboard-interactive");
    assert.equal(await entering({ methods: [password("wrong"), publicKey(other)] }), "refused");
    assert.equal(await entering({ methods: [password("sesame")], user: "eve" }), "refused");
  });

  it("enter by two methods where both are required", async () => {
    const key = await generateKey("ed25519", { seed: "ada's" });
    const user = "bob";
    assert.equal(await entering({ user, methods: [publicKey(key), password("b")] }), "password");
    assert.equal(await entering({ user, methods: [publicKey(key)] }), "refused");
    assert.equal(await entering({ user, methods: [password("b")] }), "refused");
  });

  it("are refused after the same time, whether they exist or not", async () => {
    const authenticate = authenticateUsers({ ada: { password: "sesame" } });
    for (const user of ["ada", "eve"]) {
      const startedAt = performance.now();
      await using hosting = await meet({
        user,
        authenticate,
        authMethods: ["password"],
        authFailureDelayMs: 60,
        methods: [password("wrong")],
      });
      await assert.rejects(hosting.client.authenticated);
      assert.ok(performance.now() - startedAt >= 60);
    }
  });

  it("are let in at once", async () => {
    const authenticate = authenticateUsers({ ada: { password: "sesame" } });
    const methods = [password("sesame")];
    await using hosting = await host({
      authenticate,
      methods,
      authMethods: ["password"],
      authFailureDelayMs: 60_000,
    });
    assert.equal(hosting.server.user?.user, "ada");
  });
});
