import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { generateKey } from "../../keys/mod.ts";
import type { AuthDecision } from "../../protocol/mod.ts";
import { type Deferred, deferred } from "../../wire/deferred.ts";
import { DisconnectCode } from "../../wire/errors.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { Writer } from "../../wire/writer.ts";
import { keyboardInteractiveRequest, passwordRequest } from "../helpers/auth_messages.ts";
import {
  namesOf,
  rawClient,
  rawClientInService,
  rawClientLetIn,
  userauthRequest,
} from "../helpers/raw_channel_peer.ts";

const REFUSED = "USERAUTH_FAILURE (51)";
const LET_IN = "USERAUTH_SUCCESS (52)";

const ada = await generateKey("ed25519", { seed: "ada's key" });

function passwordChange(old: string, fresh: string): Uint8Array {
  return userauthRequest(
    "password",
    new Writer().boolean(true).string(old).string(fresh).finish(),
  );
}

function offer(): Uint8Array {
  const { algorithms: [algorithm = ""], blob } = ada.publicKey;
  return userauthRequest(
    "publickey",
    new Writer().boolean(false).string(algorithm).string(blob).finish(),
  );
}

describe("auth: limits", () => {
  it("of 10,000 passwords as many are tried as may fail", async () => {
    let asked = 0;
    const connection = await rawClientInService({
      serverAuth: { maxAttempts: 6, authenticate: () => ++asked > 6 },
    });
    const guesses = Array.from({ length: 10_000 }, (_, i) => passwordRequest(`guess ${i}`));
    const replies = await connection.exchange(guesses);
    assert.deepEqual(namesOf(replies), Array(5).fill(REFUSED));
    assert.equal(asked, 6);
    const { NO_MORE_AUTH_METHODS_AVAILABLE } = DisconnectCode;
    assert.equal(connection.peer.disconnect?.code, NO_MORE_AUTH_METHODS_AVAILABLE);
  });

  it("asking for the methods is no attempt, once", async () => {
    const connection = await rawClientInService({
      serverAuth: { maxAttempts: 2, authenticate: () => false },
    });
    const none = userauthRequest("none");
    assert.deepEqual(namesOf(await connection.exchange([none, none])), [REFUSED, REFUSED]);
    assert.equal(connection.sink.closed, null);
    await connection.exchange([none]);
    assert.notEqual(connection.sink.closed, null);
  });

  it("keys cannot be asked about for ever", async () => {
    let asked = 0;
    const connection = await rawClientInService({
      serverAuth: { authenticate: () => ++asked > 0 },
    });
    const replies = await connection.exchange(Array.from({ length: 1000 }, offer));
    assert.equal(replies.length, 256);
    assert.equal(asked, 256);
    const { NO_MORE_AUTH_METHODS_AVAILABLE } = DisconnectCode;
    assert.equal(connection.peer.disconnect?.code, NO_MORE_AUTH_METHODS_AVAILABLE);
  });

  it("passwords cannot be changed for ever", async () => {
    let asked = 0;
    const connection = await rawClientInService({
      serverAuth: {
        authenticate: () => {
          asked++;
          return { changePassword: "Not that one" };
        },
      },
    });
    await connection.exchange(Array.from({ length: 1000 }, () => passwordChange("old", "new")));
    assert.equal(asked, 256);
    assert.notEqual(connection.peer.disconnect, null);
  });

  it("success cannot be partial for ever", async () => {
    let asked = 0;
    const connection = await rawClientInService({
      serverAuth: {
        authenticate: () => {
          asked++;
          return { partial: ["password"] };
        },
      },
    });
    await connection.exchange(Array.from({ length: 1000 }, () => passwordRequest("right")));
    assert.equal(asked, 256);
    assert.notEqual(connection.peer.disconnect, null);
  });

  for (const length of [1025, 30_000, 1_000_000]) {
    it(`a password of ${length} bytes ends the connection, and is not in the message`, async () => {
      let asked = 0;
      const connection = await rawClientInService({
        serverAuth: { authenticate: () => ++asked > 0 },
      });
      assert.deepEqual(
        await connection.exchange([passwordRequest("hunter2".padEnd(length, "!"))]),
        [],
      );
      assert.equal(connection.peer.disconnect?.code, DisconnectCode.PROTOCOL_ERROR);
      assert.doesNotMatch(String(connection.sink.closed?.stack), /hunter2/);
      assert.equal(asked, 0);
    });
  }
});

describe("auth: time", () => {
  it("failures are answered at multiples of the delay, whatever they took", async () => {
    for (const [tookMs, answeredAtMs] of [[0, 100], [5, 100], [99, 100], [100, 200], [250, 300]]) {
      const connection = await rawClientInService({
        server: { loginTimeoutMs: 0 },
        serverAuth: {
          failureDelayMs: 100,
          authenticate: () => {
            connection.clock.now += tookMs ?? 0;
            return false;
          },
        },
      });
      assert.deepEqual(await connection.exchange([passwordRequest("wrong")]), []);
      assert.deepEqual(await connection.advanceTo((answeredAtMs ?? 0) - 1), []);
      assert.deepEqual(namesOf(await connection.advanceTo(answeredAtMs ?? 0)), [REFUSED]);
    }
  });

  it("a signature that is wrong and a method that is not offered take as long", async () => {
    for (const method of ["publickey", "hostbased"]) {
      const connection = await rawClientInService({
        server: { loginTimeoutMs: 0 },
        serverAuth: { failureDelayMs: 100 },
      });
      const { algorithms: [algorithm = ""], blob } = ada.publicKey;
      const fields = new Writer().boolean(true).string(algorithm).string(blob).string("wrong");
      const request = userauthRequest(method, fields.finish());
      assert.deepEqual(await connection.exchange([request]), []);
      assert.deepEqual(await connection.advanceTo(99), []);
      assert.deepEqual(namesOf(await connection.advanceTo(100)), [REFUSED]);
    }
  });

  it("while a failure waits, the next attempt does too", async () => {
    let asked = 0;
    const connection = await rawClientInService({
      server: { loginTimeoutMs: 0 },
      serverAuth: { failureDelayMs: 100, authenticate: () => ++asked > 3 },
    });
    await connection.exchange(["a", "b", "c", "d"].map((guess) => passwordRequest(guess)));
    assert.equal(asked, 1);
    assert.deepEqual(namesOf(await connection.advanceTo(100)), [REFUSED]);
    assert.equal(asked, 2);
    assert.deepEqual(namesOf(await connection.advanceTo(200)), [REFUSED]);
    assert.deepEqual(namesOf(await connection.advanceTo(300)), [REFUSED, LET_IN]);
    assert.equal(asked, 4);
  });

  it("the last failure waits as well", async () => {
    const connection = await rawClientInService({
      server: { loginTimeoutMs: 0 },
      serverAuth: { failureDelayMs: 100, maxAttempts: 1, authenticate: () => false },
    });
    await connection.exchange([passwordRequest("wrong")]);
    assert.equal(connection.sink.closed, null);
    await connection.advanceTo(100);
    assert.notEqual(connection.peer.disconnect, null);
  });

  it("success, a key that would do, and the list of methods do not wait", async () => {
    const connection = await rawClientInService({
      serverAuth: { failureDelayMs: 100, authenticate: ({ method }) => method !== "none" },
    });
    const replies = await connection.exchange([
      userauthRequest("none"),
      offer(),
      passwordRequest("right"),
    ]);
    assert.equal(replies.length, 3);
    assert.equal(namesOf(replies)[2], LET_IN);
  });

  it("the time that a user takes to answer does not count", async () => {
    const connection = await rawClientInService({
      server: { loginTimeoutMs: 0 },
      serverAuth: {
        failureDelayMs: 100,
        authenticate: async (attempt) => {
          if (attempt.method !== "keyboard-interactive") return false;
          await attempt.ask({ name: "", instruction: "", prompts: [] });
          return false;
        },
      },
    });
    connection.clock.now = 10;
    await connection.exchange([keyboardInteractiveRequest()]);
    // Answers that come right before a multiple of the delay must not tell how long checking took.
    connection.clock.now = 99;
    await connection.exchange([
      new Writer().uint8(Msg.USERAUTH_INFO_RESPONSE).uint32(0).finish(),
    ]);
    assert.deepEqual(await connection.advanceTo(198), []);
    assert.deepEqual(namesOf(await connection.advanceTo(199)), [REFUSED]);
  });

  it("a login that takes too long is ended", async () => {
    const connection = await rawClientInService({ server: { loginTimeoutMs: 1000 } });
    assert.equal(connection.engine.advance(0), 1000);
    await connection.advanceTo(999);
    assert.equal(connection.sink.closed, null);
    await connection.advanceTo(1000);
    assert.match(String(connection.engine.closed), /longer than 1000 ms/);
    assert.notEqual(connection.peer.disconnect, null);
  });

  it("a login has two minutes, unless told otherwise", async () => {
    const connection = await rawClient();
    await connection.advanceTo(119_999);
    assert.equal(connection.sink.closed, null);
    await connection.advanceTo(120_000);
    assert.notEqual(connection.sink.closed, null);
  });

  it("a login ends in time even while its policy decides", async () => {
    const asked = deferred<void>();
    const connection = await rawClientInService({
      server: { loginTimeoutMs: 1000 },
      serverAuth: {
        authenticate: () => {
          asked.resolve();
          return new Promise(() => {});
        },
      },
    });
    await connection.exchange([passwordRequest("secret")], asked.promise);
    await connection.advanceTo(1000);
    assert.notEqual(connection.peer.disconnect, null);
    assert.equal(connection.engine.parked, null);
  });

  it("who is in has all the time", async () => {
    const connection = await rawClientLetIn({ server: { loginTimeoutMs: 1000 } });
    await connection.advanceTo(1001);
    assert.equal(connection.sink.closed, null);
  });
});

describe("auth: a policy that decides too late", () => {
  /** A policy that decides when it is told to. */
  async function deciding(): Promise<
    Awaited<ReturnType<typeof rawClientInService>> & { decision: Deferred<AuthDecision> }
  > {
    const decision = deferred<AuthDecision>();
    const asked = deferred<void>();
    const connection = await rawClientInService({
      server: { loginTimeoutMs: 1000 },
      serverAuth: {
        failureDelayMs: 100,
        authenticate: () => {
          asked.resolve();
          return decision.promise;
        },
      },
    });
    await connection.exchange([passwordRequest("right")], asked.promise);
    return Object.assign(connection, { decision });
  }

  const ends: [string, (connection: Awaited<ReturnType<typeof deciding>>) => void][] = [
    ["the flow has ended", ({ engine }) => engine.receiveEof()],
    ["the login took too long", ({ engine }) => engine.advance(1000)],
    ["the server has closed", ({ engine }) => engine.disconnect()],
  ];
  const decisions: AuthDecision[] = [
    true,
    false,
    { partial: ["password"] },
    { changePassword: "now" },
  ];
  for (const [what, end] of ends) {
    for (const decision of decisions) {
      it(`because ${what}: ${JSON.stringify(decision)} does nothing`, async () => {
        const connection = await deciding();
        end(connection);
        const { sink, engine } = connection;
        const { closed } = sink;
        assert.notEqual(closed, null);
        engine.takeOutput();
        connection.decision.resolve(decision);
        await new Promise((resolve) => setTimeout(resolve));
        assert.equal(sink.user, null);
        assert.equal(engine.user, null);
        assert.equal(sink.closed, closed);
        assert.equal(sink.sleeping, false);
        assert.equal(engine.outputBytes, 0);
      });
    }
  }

  it("is not asked at all when the connection ended while a signature was verified", async () => {
    let asked = 0;
    const connection = await rawClientInService({
      serverAuth: { authenticate: () => ++asked > 0 },
    });
    connection.peer.send(offer());
    for (const chunk of connection.peer.transport.takeOutput()) connection.engine.receive(chunk);
    connection.engine.receiveEof();
    await new Promise((resolve) => setTimeout(resolve));
    assert.equal(asked, 0);
  });
});
