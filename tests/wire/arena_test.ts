import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import { Arena } from "../../wire/_arena.ts";
import { encodeChannelRequest, encodeWindowAdjust } from "../../wire/connection_messages.ts";

describe("an arena", () => {
  it("gives arrays that do not overlap, of whatever length, cut short or not", () => {
    fc.assert(fc.property(
      fc.array(fc.tuple(fc.nat(20_000), fc.nat(100)), { maxLength: 40 }),
      (wishes) => {
        const arena = new Arena();
        const taken = wishes.map(([length, percent], index) => {
          const whole = arena.take(length);
          assert.equal(whole.length, length);
          const bytes = arena.keep(whole.subarray(0, Math.floor(length * percent / 100)));
          return bytes.fill(index + 1);
        });
        for (const [index, bytes] of taken.entries()) {
          assert.ok(bytes.every((byte) => byte === index + 1), `${index}`);
        }
      },
    ));
  });

  it("has many small arrays share a buffer", () => {
    const arena = new Arena();
    const buffers = new Set<ArrayBuffer>();
    for (let i = 0; i < 1000; i++) {
      buffers.add(arena.keep(arena.take(256).subarray(0, 30)).buffer);
    }
    assert.ok(buffers.size < 4, `${buffers.size}`);
  });

  it("leaves alone what was taken when something else is cut short", () => {
    const arena = new Arena();
    const first = arena.take(100).fill(1);
    arena.keep(new Uint8Array(10));
    arena.take(100).fill(2);
    assert.ok(first.every((byte) => byte === 1));
  });

  it("holds messages that stay as they are, those that do not fit among them", () => {
    const request = (length: number): Uint8Array =>
      encodeChannelRequest({
        recipientChannel: length,
        name: "exec",
        wantReply: true,
        payload: new Uint8Array(length).fill(length),
      });
    const lengths = [0, 10, 235, 236, 237, 238, 239, 240, 300, 20_000, 5];
    const messages = lengths.map((length) => [request(length), encodeWindowAdjust(length, 1)]);
    for (const [index, [message, adjust]] of messages.entries()) {
      const length = lengths[index] ?? 0;
      assert.deepEqual(message, request(length));
      assert.deepEqual(adjust, encodeWindowAdjust(length, 1));
      const payload = message?.slice(message.length - length);
      assert.deepEqual(payload, new Uint8Array(length).fill(length));
    }
  });
});
