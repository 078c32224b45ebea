import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { generateKey } from "../../keys/mod.ts";
import {
  type AuthAttempt,
  type ClientAuthMethod,
  keyboardInteractive,
  none,
  password,
  publicKey,
  type ServerAuthOptions,
} from "../../protocol/mod.ts";
import { type Cut, enginePair, settle } from "../helpers/engine_pair.ts";
import { quickAlgorithms } from "../helpers/raw_channel_peer.ts";

const keys = {
  "ssh-ed25519": await generateKey("ed25519", { seed: "ada's key" }),
  "ecdsa-sha2-nistp384": await generateKey("ecdsa", { seed: "a key on a curve", bits: 384 }),
  "ssh-rsa": await generateKey("rsa", { bits: 2048 }),
};

const singly: Cut = (chunk) => Array.from(chunk, (byte) => Uint8Array.of(byte));

/** Runs a login, byte by byte, and gives what both ends made of it. */
async function login(
  methods: readonly ClientAuthMethod[],
  authenticate: ServerAuthOptions["authenticate"],
): Promise<{ attempts: AuthAttempt[] } & Awaited<ReturnType<typeof enginePair>>> {
  const attempts: AuthAttempt[] = [];
  const pair = await enginePair({
    client: { algorithms: quickAlgorithms },
    server: { algorithms: quickAlgorithms },
    clientAuth: { methods },
    serverAuth: {
      authenticate: (attempt) => {
        attempts.push(attempt);
        return authenticate(attempt);
      },
    },
  });
  await settle(pair.client.engine, pair.server.engine, singly);
  return { ...pair, attempts };
}

function assertIn({ client, server }: Awaited<ReturnType<typeof login>>, method: string): void {
  assert.equal(client.sink.closed, null);
  assert.equal(server.sink.closed, null);
  assert.equal(client.sink.user?.user, "ada");
  assert.equal(server.sink.user?.user, "ada");
  assert.equal(server.sink.user?.method, method);
}

describe("auth: a client and a server", () => {
  it("agree on nothing at all", async () => {
    assertIn(await login([none()], () => true), "none");
  });

  for (const [type, key] of Object.entries(keys)) {
    for (const probe of [false, true]) {
      it(`agree on an ${type} key${probe ? ", after asking" : ""}`, async () => {
        const result = await login(
          [publicKey(key, { probe })],
          ({ method }) => method === "publickey",
        );
        assertIn(result, "publickey");
        assert.deepEqual(result.server.sink.user?.key?.blob, key.publicKey.blob);
        const proven = result.attempts.map((a) => a.method === "publickey" && a.proven);
        assert.deepEqual(proven, probe ? [false, true] : [true]);
      });
    }
  }

  it("agree on a password, the second one", async () => {
    const guesses = ["wrong", "right"];
    const result = await login(
      [password(() => guesses.shift() ?? null)],
      (attempt) => attempt.method === "password" && attempt.password === "right",
    );
    assertIn(result, "password");
    assert.equal(result.attempts.length, 2);
  });

  it("agree on a new password", async () => {
    const result = await login(
      [password("öld", { change: (prompt) => `${prompt} nëw` })],
      (attempt) => {
        if (attempt.method !== "password" || attempt.password !== "öld") return false;
        return attempt.newPassword === "a nëw" || { changePassword: "a" };
      },
    );
    assertIn(result, "password");
  });

  it("agree on questions and answers, in two rounds", async () => {
    const result = await login(
      [
        keyboardInteractive(
          ({ prompts }) => prompts.map(({ prompt, echo }) => `${prompt}${echo}`),
          { submethods: ["otp"] },
        ),
      ],
      async (attempt) => {
        if (attempt.method !== "keyboard-interactive") return false;
        const prompts = [{ prompt: "a", echo: true }, { prompt: "b", echo: false }];
        const first = await attempt.ask({ name: "n", instruction: "i", prompts });
        const second = await attempt.ask({ name: "", instruction: "", prompts: [] });
        return [...attempt.submethods, ...first, ...second].join() === "otp,atrue,bfalse";
      },
    );
    assertIn(result, "keyboard-interactive");
  });

  it("agree on three factors, in the order that the server wants", async () => {
    const result = await login(
      [
        keyboardInteractive(({ prompts }) => prompts.map(() => "123456")),
        password("right"),
        publicKey(keys["ssh-ed25519"]),
      ],
      async (attempt) => {
        const before = attempt.accepted.map(({ method }) => method).join();
        switch (attempt.method) {
          case "publickey":
            return before === "" && { partial: ["password"] };
          case "password":
            return before === "publickey" && { partial: ["keyboard-interactive"] };
          case "keyboard-interactive": {
            if (before !== "publickey,password") return false;
            const prompts = [{ prompt: "Code: ", echo: true }];
            const [code] = await attempt.ask({ name: "", instruction: "", prompts });
            return code === "123456";
          }
          default:
            return false;
        }
      },
    );
    assertIn(result, "keyboard-interactive");
    const tried = result.attempts.map(({ method }) => method);
    assert.deepEqual(tried, [
      "keyboard-interactive",
      "password",
      "publickey",
      "password",
      "keyboard-interactive",
    ]);
  });

  it("agree that it will not do, and both say so", async () => {
    const { client, server } = await login([none(), password("wrong")], () => false);
    assert.match(client.sink.closed?.message ?? "", /tried none, password; the server would take/);
    assert.match(server.sink.closed?.message ?? "", /The peer closed the connection: No more auth/);
    assert.equal(client.sink.user, null);
    assert.equal(server.sink.user, null);
  });
});
