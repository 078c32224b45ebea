import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import assert from "node:assert/strict";
import { Queue } from "../../flow/_queue.ts";

describe("Queue", () => {
  it("gives items in the order in which they came, however long it gets", () => {
    const steps = fc.array(fc.integer({ min: -3000, max: 3000 }), { maxLength: 20 });
    fc.assert(fc.property(steps, (counts) => {
      const queue = new Queue<number>();
      let pushed = 0;
      let shifted = 0;
      for (const count of counts) {
        for (let i = 0; i < count; i++) queue.push(pushed++);
        for (let i = 0; i < -count && queue.length > 0; i++) {
          assert.equal(queue.first, shifted);
          assert.equal(queue.shift(), shifted++);
        }
        assert.equal(queue.length, pushed - shifted);
      }
    }));
  });

  it("gives nothing when it is empty", () => {
    const queue = new Queue<number>();
    assert.equal(queue.shift(), undefined);
    assert.equal(queue.first, undefined);
    queue.push(1);
    queue.clear();
    assert.equal(queue.length, 0);
    assert.equal(queue.shift(), undefined);
    queue.push(2);
    assert.equal(queue.shift(), 2);
  });
});
