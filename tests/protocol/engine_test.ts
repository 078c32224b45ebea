import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import { enginePair, settle } from "../helpers/engine_pair.ts";

describe("engine", () => {
  it("a client and a server meet, and the client is let in", async () => {
    const { client, server } = await enginePair();
    await settle(client.engine, server.engine);
    assert.equal(client.sink.closed, null);
    assert.equal(server.sink.closed, null);
    assert.equal(client.engine.user?.user, "ada");
    assert.equal(server.engine.user?.user, "ada");
    assert.deepEqual(client.engine.info?.sessionId, server.engine.info?.sessionId);
  });
});
