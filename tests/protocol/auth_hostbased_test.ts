import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { generateKey } from "../../keys/mod.ts";
import { type AuthAttempt, type ClientAuthMethod, hostbased } from "../../protocol/mod.ts";
import { Writer } from "../../wire/writer.ts";
import { enginePair, settle } from "../helpers/engine_pair.ts";

const desk = await generateKey("ed25519", { seed: "the key of a host" });

/** Logs in at a server that asks only for this; gives what its policy was asked. */
async function logIn(
  method: ClientAuthMethod,
  authenticate: (attempt: AuthAttempt) => boolean = () => true,
): Promise<{ attempts: AuthAttempt[]; isIn: boolean }> {
  const attempts: AuthAttempt[] = [];
  const { client, server } = await enginePair({
    clientAuth: { methods: [method] },
    serverAuth: {
      methods: ["hostbased"],
      authenticate: (attempt) => {
        attempts.push(attempt);
        return authenticate(attempt);
      },
    },
  });
  await settle(client.engine, server.engine);
  return { attempts, isIn: server.engine.user !== null };
}

/** What a client sends that is not honest: the fields, altered before or after it signs them. */
function forged(
  alter: (context: Parameters<ClientAuthMethod["authenticate"]>[0]) => typeof context,
): ClientAuthMethod {
  const honest = hostbased(desk, { hostname: "desk.example.com", user: "ada" });
  return { name: honest.name, authenticate: (context) => honest.authenticate(alter(context)) };
}

describe("hostbased", () => {
  it("tells the policy which host vouches for whom, once its signature is verified", async () => {
    const { attempts, isIn } = await logIn(
      hostbased(desk, { hostname: "desk.example.com", user: "ada-at-home" }),
    );
    assert.equal(isIn, true);
    const [attempt] = attempts;
    assert.ok(attempt?.method === "hostbased");
    assert.equal(attempt.clientHostname, "desk.example.com");
    assert.equal(attempt.clientUser, "ada-at-home");
    assert.equal(attempt.user, "ada");
    assert.deepEqual(attempt.key.blob, desk.publicKey.blob);
  });

  it("is refused by a policy that does not trust the host", async () => {
    const { isIn } = await logIn(
      hostbased(desk, { hostname: "desk.example.com", user: "ada" }),
      () => false,
    );
    assert.equal(isIn, false);
  });

  it("asks no policy about a signature over another session, user or service", async () => {
    for (
      const change of [
        { sessionId: new Uint8Array(32) },
        { user: "eve" },
        { service: "ssh-other" },
      ]
    ) {
      const { attempts, isIn } = await logIn(
        forged((context) => ({ ...context, ...change, request: context.request })),
      );
      assert.deepEqual(attempts, []);
      assert.equal(isIn, false);
    }
  });

  it("asks no policy about a request that was altered after it was signed", async () => {
    const { attempts, isIn } = await logIn(forged((context) => ({
      ...context,
      request(method, fields) {
        const altered = fields.slice();
        const at = new TextDecoder("latin1").decode(altered).indexOf("ada");
        altered.set(new TextEncoder().encode("eve"), at);
        context.request(method, altered);
      },
    })));
    assert.deepEqual(attempts, []);
    assert.equal(isIn, false);
  });

  it("is not asked about where it is not offered", async () => {
    const { client, server } = await enginePair({
      clientAuth: { methods: [hostbased(desk, { hostname: "desk", user: "ada" })] },
      serverAuth: { methods: ["publickey"], authenticate: () => assert.fail("it was asked") },
    });
    await settle(client.engine, server.engine);
    assert.equal(server.engine.user, null);
  });

  it("ends the connection on a request whose lengths lie", async () => {
    const { attempts, isIn } = await logIn({
      name: "hostbased",
      async authenticate(context) {
        context.request("hostbased", new Writer().string("ssh-ed25519").uint32(2 ** 31).finish());
        await context.reply();
        return { outcome: "skipped", why: "" };
      },
    });
    assert.deepEqual(attempts, []);
    assert.equal(isIn, false);
  });
});
