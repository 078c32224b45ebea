import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { Connection } from "../../connection/mod.ts";
import { flowPair } from "../../flow/mod.ts";
import { connectionPair } from "../helpers/connection_pair.ts";
import { clientOptions, RecordingSink } from "../helpers/engine_pair.ts";

describe("global requests of one name", () => {
  it("are taken apart from all others", async () => {
    const seen: string[] = [];
    await using pair = await connectionPair({
      serverHandlers: {
        onGlobalRequest: (request) => {
          seen.push(`others: ${request.name}`);
          request.fail();
        },
      },
    });
    pair.server.takeRequests("one@test", (request) => {
      seen.push(`one: ${request.name}`);
      request.succeed(request.payload);
    });
    const payload = Uint8Array.of(1, 2);
    assert.deepEqual(await pair.client.request("one@test", payload), payload);
    await assert.rejects(pair.client.request("two@test"), { name: "RequestError" });
    assert.deepEqual(seen, ["one: one@test", "others: two@test"]);
  });

  it("are taken by one only", async () => {
    await using pair = await connectionPair();
    pair.server.takeRequests("one@test", (request) => request.fail());
    assert.throws(() => pair.server.takeRequests("one@test", () => {}), {
      name: "TypeError",
      message: "Cannot take one@test requests: they are taken already",
    });
  });
});

describe("a global request that is made too early", () => {
  it("is a mistake, and leaves nothing behind", async () => {
    const [flow, other] = flowPair();
    const connection = new Connection(flow, clientOptions(new RecordingSink()));
    await assert.rejects(connection.request("one@test"), TypeError);
    await assert.rejects(connection.ping(), TypeError);
    connection.abort(new Error("enough"));
    other.abort();
    await connection.closed.catch(() => {});
  });
});
