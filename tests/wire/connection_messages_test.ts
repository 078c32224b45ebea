import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import {
  decodeChannelRequest,
  encodeChannelRequest,
  encodeDataHead,
  encodeWindowAdjust,
} from "../../wire/connection_messages.ts";
import { fromHex } from "../helpers/hex.ts";

/** Payloads around what there is room for, and far beyond it. */
const lengths = fc.oneof(fc.nat(300), fc.integer({ min: 15_000, max: 40_000 }));

const requestOf = (length: number): Uint8Array =>
  encodeChannelRequest({
    recipientChannel: length,
    name: "exec",
    wantReply: true,
    payload: new Uint8Array(length).fill(length),
  });

describe("messages of the connection protocol", () => {
  it("stay as they are, whatever is encoded after them", () => {
    fc.assert(fc.property(fc.array(lengths, { maxLength: 30 }), (lengths) => {
      const messages = lengths.map((length) =>
        [length, requestOf(length), encodeWindowAdjust(length, 1)] as const
      );
      for (const [length, request, adjust] of messages) {
        const { recipientChannel, name, payload } = decodeChannelRequest(request);
        assert.deepEqual([recipientChannel, name], [length, "exec"]);
        assert.deepEqual(payload.slice(), new Uint8Array(length).fill(length));
        assert.deepEqual(adjust, encodeWindowAdjust(length, 1));
      }
    }));
  });

  it("share buffers, since one of its own is dear for a small one", () => {
    const buffers = new Set(Array.from({ length: 1000 }, () => encodeWindowAdjust(1, 2).buffer));
    assert.ok(buffers.size < 4, `${buffers.size}`);
  });

  it("are whole, if the one before could not be encoded", () => {
    const request = { recipientChannel: 1, name: "exec", wantReply: true };
    const nothing = undefined as unknown as Uint8Array;
    assert.throws(() => encodeChannelRequest({ ...request, payload: nothing }), TypeError);
    assert.deepEqual(encodeWindowAdjust(1, 2), fromHex("5d 00000001 00000002"));
  });

  it("have data behind the channel, the type of extended data, and the length", () => {
    assert.deepEqual(encodeDataHead(1, 0, 2), fromHex("5e 00000001 00000002"));
    assert.deepEqual(encodeDataHead(1, 3, 2), fromHex("5f 00000001 00000003 00000002"));
  });
});
