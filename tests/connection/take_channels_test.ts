import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { ChannelOpenReason } from "../../wire/errors.ts";
import { connectionPair } from "../helpers/connection_pair.ts";

describe("channels of one type", () => {
  it("are taken apart from all others, until they are given back", async () => {
    const seen: string[] = [];
    await using pair = await connectionPair({
      serverHandlers: {
        onChannelOpen: (open) => {
          seen.push(`others: ${open.type}`);
          open.reject(ChannelOpenReason.ADMINISTRATIVELY_PROHIBITED);
        },
      },
    });
    const giveBack = pair.server.takeChannels("one@test", (open) => {
      seen.push(`one: ${open.type}`);
      open.accept();
    });
    await pair.client.openChannel("one@test");
    await assert.rejects(pair.client.openChannel("two@test"), { name: "ChannelOpenError" });
    giveBack();
    await assert.rejects(pair.client.openChannel("one@test"), { name: "ChannelOpenError" });
    assert.deepEqual(seen, ["one: one@test", "others: two@test", "others: one@test"]);
  });

  it("are taken also where nobody takes the others", async () => {
    await using pair = await connectionPair();
    pair.server.takeChannels("one@test", (open) => void open.accept());
    await pair.client.openChannel("one@test");
    await assert.rejects(pair.client.openChannel("two@test"), { name: "ChannelOpenError" });
  });

  it("are taken by one only, whoever gives back twice", async () => {
    await using pair = await connectionPair();
    const refuse = (): void => {};
    const giveBack = pair.server.takeChannels("one@test", refuse);
    assert.throws(() => pair.server.takeChannels("one@test", refuse), {
      name: "TypeError",
      message: "Cannot take one@test channels: they are taken already",
    });
    giveBack();
    pair.server.takeChannels("one@test", (open) => void open.accept());
    giveBack();
    await pair.client.openChannel("one@test");
  });
});
