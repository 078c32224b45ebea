import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import type { AuthAttempt, AuthDecision } from "../../protocol/mod.ts";
import {
  type Challenge,
  decodeChallenge,
  decodeUserauthFailure,
  encodeResponses,
} from "../../wire/auth_messages.ts";
import { deferred } from "../../wire/deferred.ts";
import { DisconnectCode, SshError } from "../../wire/errors.ts";
import { Msg } from "../../wire/message_numbers.ts";
import { Writer } from "../../wire/writer.ts";
import {
  namesOf,
  rawClientInService,
  type RawConnection,
  userauthRequest,
} from "../helpers/raw_channel_peer.ts";

type KeyboardInteractive = Extract<AuthAttempt, { method: "keyboard-interactive" }>;

const FAILURE = "USERAUTH_FAILURE (51)";
const SUCCESS = "USERAUTH_SUCCESS (52)";
const EMPTY = new Uint8Array(0);
const question: Challenge = {
  name: "Login",
  instruction: "",
  prompts: [{ prompt: "Code: ", echo: true }, { prompt: "PIN: ", echo: false }],
};
const request = userauthRequest(
  "keyboard-interactive",
  new Writer().string("").string("pam,otp").finish(),
);
const passwordRequest = userauthRequest(
  "password",
  new Writer().boolean(false).string("wrong").finish(),
);

/** A server that asks, with what it decides when it was asked by keyboard-interactive. */
function asking(
  decide: (attempt: KeyboardInteractive) => Promise<AuthDecision>,
  maxAttempts = 6,
): Promise<RawConnection> {
  return rawClientInService({
    serverAuth: {
      maxAttempts,
      authenticate: (attempt) =>
        attempt.method === "keyboard-interactive" ? decide(attempt) : false,
    },
  });
}

/** Whether INFO_REQUEST came, and nothing else. */
function assertAsked(replies: readonly Uint8Array[]): void {
  assert.deepEqual(replies.map((reply) => reply[0]), [Msg.USERAUTH_INFO_REQUEST]);
}

describe("auth: keyboard-interactive at the server", () => {
  it("asks any number of rounds, and gives the policy the answers in order", async () => {
    const seen: unknown[] = [];
    const connection = await asking(async (attempt) => {
      seen.push(attempt.submethods);
      seen.push(await attempt.ask(question));
      seen.push(await attempt.ask({ name: "", instruction: "Welcome", prompts: [] }));
      return true;
    });
    const [first] = await connection.exchange([request]);
    assert.deepEqual(decodeChallenge(first ?? EMPTY), question);
    const [second] = await connection.exchange([encodeResponses(["123456", "42"])]);
    assert.equal(decodeChallenge(second ?? EMPTY).instruction, "Welcome");
    assert.deepEqual(namesOf(await connection.exchange([encodeResponses([])])), [SUCCESS]);
    assert.deepEqual(seen, [["pam", "otp"], ["123456", "42"], []]);
    assert.equal(connection.sink.user?.method, "keyboard-interactive");
  });

  const answers: [string, Uint8Array][] = [
    ["no answers", encodeResponses([])],
    ["too few answers", encodeResponses(["123456"])],
    ["too many answers", encodeResponses(["123456", "42", "43"])],
    ["2^32 - 1 answers", Uint8Array.of(Msg.USERAUTH_INFO_RESPONSE, 255, 255, 255, 255)],
    ["two answers that are not there", Uint8Array.of(Msg.USERAUTH_INFO_RESPONSE, 0, 0, 0, 2)],
    ["answers with something behind them", Uint8Array.of(...encodeResponses(["1", "2"]), 0)],
    ["answers of 30,000 bytes", encodeResponses(["x".repeat(30_000), ""])],
    [
      "answers in no encoding",
      new Writer().uint8(Msg.USERAUTH_INFO_RESPONSE).uint32(2)
        .string(Uint8Array.of(0xff)).string("").finish(),
    ],
    ["an answer without a body", Uint8Array.of(Msg.USERAUTH_INFO_RESPONSE)],
  ];
  for (const [what, answer] of answers) {
    it(`${what}: a failure, though the policy swallows it and says yes`, async () => {
      let swallowed: unknown;
      const connection = await asking(async (attempt) => {
        await attempt.ask(question).catch((error) => swallowed = error);
        return true;
      });
      assertAsked(await connection.exchange([request]));
      assert.deepEqual(namesOf(await connection.exchange([answer])), [FAILURE]);
      assert.ok(swallowed instanceof SshError);
      assert.equal(connection.sink.closed, null);
      assert.equal(connection.sink.user, null);
    });

    it(`${what}: a failure, if the policy lets it through`, async () => {
      const connection = await asking(async (attempt) => (await attempt.ask(question)).length > 0);
      assertAsked(await connection.exchange([request]));
      assert.deepEqual(namesOf(await connection.exchange([answer])), [FAILURE]);
      assert.equal(connection.sink.closed, null);
    });
  }

  it("wrong answers count as failures, however many questions are asked", async () => {
    const connection = await asking(async (attempt) => {
      await attempt.ask(question);
      return true;
    }, 3);
    for (let i = 0; i < 3; i++) {
      assertAsked((await connection.exchange([request])).slice(-1));
      await connection.exchange([encodeResponses([])]);
    }
    const { NO_MORE_AUTH_METHODS_AVAILABLE } = DisconnectCode;
    assert.equal(connection.peer.disconnect?.code, NO_MORE_AUTH_METHODS_AVAILABLE);
  });

  it("questions cannot be answered for ever", async () => {
    let asked = 0;
    const connection = await asking(async (attempt) => {
      while (true) {
        asked++;
        await attempt.ask({ name: "", instruction: "", prompts: [] });
      }
    });
    await connection.exchange([request]);
    const round = encodeResponses([]);
    await connection.exchange(Array.from({ length: 1000 }, () => round));
    assert.equal(asked, 256);
    assert.notEqual(connection.sink.closed, null);
  });
});

describe("auth: a request in place of answers", () => {
  it("ends the round, and is answered itself", async () => {
    let rejected: unknown;
    const connection = await asking(async (attempt) => {
      await attempt.ask(question).catch((error) => {
        rejected = error;
        throw error;
      });
      return true;
    });
    assertAsked(await connection.exchange([request]));
    assert.deepEqual(namesOf(await connection.exchange([passwordRequest])), [FAILURE]);
    assert.match(String(rejected), /another request/);
    assert.equal(connection.sink.closed, null);
  });

  it("nobody is let in by the round, though the policy swallows the error", async () => {
    const connection = await asking(async (attempt) => {
      await attempt.ask(question).catch(() => {});
      return true;
    });
    assertAsked(await connection.exchange([request]));
    assert.deepEqual(namesOf(await connection.exchange([passwordRequest])), [FAILURE]);
    assert.equal(connection.sink.user, null);
  });

  it("the policy's own error about it does not end the connection", async () => {
    const connection = await asking(async (attempt) => {
      await attempt.ask(question).catch((cause) => {
        throw new Error("the user went away", { cause });
      });
      return true;
    });
    assertAsked(await connection.exchange([request]));
    assert.deepEqual(namesOf(await connection.exchange([passwordRequest])), [FAILURE]);
    assert.equal(connection.sink.closed, null);
  });

  it("no more can be asked in the round", async () => {
    const errors: string[] = [];
    const connection = await asking(async (attempt) => {
      for (let i = 0; i < 2; i++) {
        await attempt.ask(question).catch((error) => errors.push(String(error)));
      }
      return true;
    });
    assertAsked(await connection.exchange([request]));
    assert.deepEqual(namesOf(await connection.exchange([passwordRequest])), [FAILURE]);
    assert.match(errors[1] ?? "", /given up the attempt/);
  });

  it("a policy that is slow about it decides nothing", async () => {
    const slow = deferred<void>();
    const abandoned = deferred<void>();
    const connection = await asking(async (attempt) => {
      await attempt.ask(question).catch(() => abandoned.resolve());
      await slow.promise;
      return true;
    });
    assertAsked(await connection.exchange([request]));
    assert.deepEqual(await connection.exchange([passwordRequest], abandoned.promise), []);
    slow.resolve();
    assert.deepEqual(namesOf(await connection.settle()), [FAILURE]);
    assert.equal(connection.sink.user, null);
  });

  it("rounds that are begun and dropped count as failures", async () => {
    let asked = 0;
    const connection = await asking(async (attempt) => {
      asked++;
      await attempt.ask(question);
      return true;
    }, 3);
    await connection.exchange(Array.from({ length: 100 }, () => request));
    assert.equal(asked, 3);
    const { NO_MORE_AUTH_METHODS_AVAILABLE } = DisconnectCode;
    assert.equal(connection.peer.disconnect?.code, NO_MORE_AUTH_METHODS_AVAILABLE);
  });

  it("may not be for another user", async () => {
    const connection = await asking(async (attempt) => {
      await attempt.ask(question);
      return true;
    });
    assertAsked(await connection.exchange([request]));
    const other = userauthRequest("none", EMPTY, { user: "root" });
    assert.deepEqual(await connection.exchange([other]), []);
    assert.equal(connection.peer.disconnect?.code, DisconnectCode.PROTOCOL_ERROR);
  });
});

describe("auth: a policy that does not wait for its answers", () => {
  /** A policy that has the patience for one tick. */
  const impatient = (decision: boolean) => async (attempt: KeyboardInteractive) => {
    const outcome = deferred<boolean>();
    attempt.ask(question).then(() => outcome.resolve(false), () => outcome.resolve(false));
    return await Promise.race([outcome.promise, Promise.resolve(decision)]);
  };

  /** Sends the request, and lets the policy lose its patience. */
  async function begin(connection: RawConnection): Promise<Uint8Array[]> {
    const replies = await connection.exchange([request]);
    await new Promise((resolve) => setTimeout(resolve));
    return [...replies, ...await connection.settle()];
  }

  it("cannot accept without them", async () => {
    const connection = await asking(impatient(true));
    const replies = await begin(connection);
    assert.deepEqual(replies.map((reply) => reply[0]), [
      Msg.USERAUTH_INFO_REQUEST,
      Msg.USERAUTH_FAILURE,
    ]);
    assert.equal(connection.sink.user, null);
  });

  it("leaves answers that are under way without meaning", async () => {
    const connection = await asking(impatient(false));
    await begin(connection);
    const late = [encodeResponses(["1", "2"]), passwordRequest];
    assert.deepEqual(namesOf(await connection.exchange(late)), [FAILURE]);
    assert.equal(connection.sink.closed, null);
  });

  it("but a second answer is one too many", async () => {
    const connection = await asking(impatient(false));
    await begin(connection);
    const late = encodeResponses(["1", "2"]);
    await connection.exchange([late, late]);
    assert.equal(connection.peer.disconnect?.code, DisconnectCode.PROTOCOL_ERROR);
  });

  it("cannot ask once the attempt is over", async () => {
    let ask: KeyboardInteractive["ask"] | undefined;
    const connection = await asking((attempt) => {
      ask = attempt.ask;
      return Promise.resolve(false);
    });
    const [reply] = await connection.exchange([request]);
    assert.equal(decodeUserauthFailure(reply ?? EMPTY).partial, false);
    await assert.rejects(async () => await ask?.(question), TypeError);
    assert.deepEqual(await connection.settle(), []);
  });

  it("cannot ask again before the answers have come", async () => {
    const errors: unknown[] = [];
    const connection = await asking(async (attempt) => {
      const answers = attempt.ask(question);
      await attempt.ask(question).catch((error) => errors.push(error));
      return (await answers).join() === "1,2";
    });
    assertAsked(await connection.exchange([request]));
    assert.ok(errors[0] instanceof TypeError);
    assert.deepEqual(namesOf(await connection.exchange([encodeResponses(["1", "2"])])), [SUCCESS]);
  });
});
