import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { Conversation } from "../../protocol/conversation.ts";
import { ProtocolError } from "../../wire/errors.ts";

function conversation(): { talk: Conversation; sent: Uint8Array[]; idle: () => number } {
  const sent: Uint8Array[] = [];
  let idle = 0;
  const talk = new Conversation({
    what: "test",
    send: (payload) => sent.push(payload),
    onIdle: () => idle++,
  });
  return { talk, sent, idle: () => idle };
}

const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0));

describe("conversation", () => {
  it("reads as straight code, and says when it is the peer's turn", async () => {
    const { talk, sent, idle } = conversation();
    const heard: number[] = [];
    talk.run(async () => {
      talk.send(Uint8Array.of(1));
      heard.push((await talk.next(50))[1] ?? 0);
      talk.send(Uint8Array.of(2));
      heard.push((await talk.next(51, 52))[1] ?? 0);
    }, (reason) => assert.fail(String(reason)));
    assert.deepEqual([talk.busy, idle()], [false, 1]);
    talk.deliver(Uint8Array.of(50, 7));
    assert.equal(talk.busy, true);
    await turn();
    assert.deepEqual([talk.busy, idle()], [false, 2]);
    talk.deliver(Uint8Array.of(52, 8));
    await turn();
    assert.deepEqual([talk.busy, idle()], [false, 3]);
    assert.deepEqual(heard, [7, 8]);
    assert.deepEqual(sent, [Uint8Array.of(1), Uint8Array.of(2)]);
  });

  it("gives messages that stay as they are", async () => {
    const { talk } = conversation();
    const view = Uint8Array.of(50, 1);
    const next = talk.next(50);
    talk.deliver(view);
    view.fill(0);
    assert.deepEqual(await next, Uint8Array.of(50, 1));
  });

  it("refuses what it does not wait for, and what comes when it waits for nothing", () => {
    const { talk } = conversation();
    assert.throws(() => talk.deliver(Uint8Array.of(50)), {
      name: "ProtocolError",
      message: "Cannot go on with the test: USERAUTH_REQUEST (50) came, but nothing was expected",
    });
    talk.next(51, 52).catch(() => {});
    assert.throws(() => talk.deliver(Uint8Array.of(50)), /USERAUTH_FAILURE \(51\) or USERAUTH_SU/);
  });

  it("waits for one thing at a time", async () => {
    const { talk } = conversation();
    const first = talk.next(50);
    await assert.rejects(talk.next(51), TypeError);
    talk.deliver(Uint8Array.of(50));
    assert.deepEqual(await first, Uint8Array.of(50));
  });

  it("lets nobody wait, send or go on when it has been ended", async () => {
    const { talk, sent } = conversation();
    const reason = new ProtocolError("over");
    const waiting = talk.next(50);
    talk.end(reason);
    talk.end(new ProtocolError("not this one"));
    await assert.rejects(waiting, reason);
    await assert.rejects(talk.next(50), reason);
    assert.throws(() => talk.send(Uint8Array.of(1)), reason);
    assert.throws(() => talk.throwIfEnded(), reason);
    assert.deepEqual(sent, []);
  });

  it("tells of what went wrong, and of its end", async () => {
    const { talk, idle } = conversation();
    const failure = new Error("oops");
    const errors: unknown[] = [];
    talk.run(() => Promise.reject(failure), (error) => errors.push(error));
    await turn();
    assert.deepEqual(errors, [failure]);
    assert.deepEqual([talk.busy, idle()], [false, 1]);
    assert.throws(() => talk.send(Uint8Array.of(1)), /^ProtocolError: The test has ended/);
  });
});
