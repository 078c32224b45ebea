import { timingSafeEqual } from "@std/crypto/timing-safe-equal";
import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";

const bytes = (...values: number[]) => new Uint8Array(values);

describe("timingSafeEqual", () => {
  it("finds equal what has the same bytes", () => {
    assert.equal(timingSafeEqual(bytes(1, 2, 3), bytes(1, 2, 3)), true);
    assert.equal(timingSafeEqual(bytes(), bytes()), true);
  });

  it("finds a difference at either end, and in any bit", () => {
    assert.equal(timingSafeEqual(bytes(1, 2, 3), bytes(0, 2, 3)), false);
    assert.equal(timingSafeEqual(bytes(1, 2, 3), bytes(1, 2, 131)), false);
  });

  it("finds different what differs in length", () => {
    assert.equal(timingSafeEqual(bytes(1, 2), bytes(1, 2, 0)), false);
    assert.equal(timingSafeEqual(bytes(), bytes(0)), false);
  });

  it("takes buffers and any view of them", () => {
    const whole = bytes(9, 1, 2, 9);
    const part = whole.subarray(1, 3);
    assert.equal(timingSafeEqual(part, bytes(1, 2).buffer), true);
    assert.equal(timingSafeEqual(new DataView(whole.buffer, 1, 2), part), true);
    assert.equal(timingSafeEqual(new Uint16Array(bytes(1, 2).buffer), part), true);
  });
});
