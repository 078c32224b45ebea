import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { Eof, type Flow, flowPair } from "../../flow/mod.ts";
import type { ClientAuthMethod } from "../../protocol/mod.ts";
import { serve, type ServerConnection } from "../../server/mod.ts";
import { deferred } from "../../wire/deferred.ts";
import { utf8 } from "../helpers/bytes.ts";
import { testHostKey } from "../helpers/engine_pair.ts";
import { clientOver, execute, host } from "./_hosting.ts";

const LOGIN_TIMEOUT_MS = 200;

/** Reads what the server still says, to its end; a flow that is dropped ends too. */
async function drain(flow: Flow): Promise<void> {
  try {
    while (await flow.read() !== Eof);
  } catch {
    // It was dropped.
  }
}

describe("a thousand half-open logins", () => {
  it("keep nobody out, are let go in time, and are never put to the policy", async () => {
    const hostKeys = [await testHostKey()];
    let asked = 0;
    const over = deferred<void>();
    /** Begins to authenticate, and then says nothing. */
    const undecided: ClientAuthMethod = {
      name: "password",
      async authenticate() {
        await over.promise;
        return { outcome: "skipped", why: "it is over" };
      },
    };
    const half: ServerConnection[] = [];
    const ends: Promise<unknown>[] = [];
    /** Leaves a client waiting. */
    const hold = (begin: (flow: Flow) => Promise<unknown> | void): void => {
      const [near, far] = flowPair();
      half.push(serve(far, {
        hostKeys,
        authenticate: () => ++asked > 0,
        loginTimeoutMs: LOGIN_TIMEOUT_MS,
        session: () => {},
      }));
      const begun = begin(near);
      ends.push(begun === undefined ? drain(near) : begun);
    };
    for (let i = 0; i < 490; i++) {
      hold(() => {});
      hold((flow) => void flow.write(utf8("SSH-2.0-waits\r\n")));
    }
    for (let i = 0; i < 20; i++) {
      hold((flow) => clientOver(flow, { methods: [undecided] }).closed.catch(() => {}));
    }
    assert.equal(half.length, 1000);
    const outcomes = Promise.allSettled(half.map(({ closed }) => closed));
    {
      await using hosting = await host({ session: (session) => session.exit(0) });
      await (await execute(hosting.client, "true")).closed;
    }
    for (const outcome of await outcomes) {
      assert.ok(outcome.status === "rejected");
      assert.match(String(outcome.reason), /longer than 200 ms/);
    }
    over.resolve();
    await Promise.all(ends);
    assert.equal(asked, 0);
    assert.ok(half.every(({ sessions }) => sessions.length === 0));
  });
});
