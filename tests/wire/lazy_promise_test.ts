import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { LazyPromise } from "../../wire/lazy_promise.ts";

describe("a promise that is made when it is asked for", () => {
  it("is settled by whatever comes first, before or after that", async () => {
    for (const askFirst of [true, false]) {
      const [kept, broken] = [new LazyPromise<number>(), new LazyPromise<number>()];
      if (askFirst) assert.notEqual(kept.promise, broken.promise);
      kept.resolve(1);
      kept.resolve(2);
      kept.reject(() => new Error("too late"));
      broken.reject(() => new Error("broken"));
      broken.resolve(3);
      assert.equal(await kept.promise, 1);
      await assert.rejects(broken.promise, { message: "broken" });
      assert.equal(kept.promise, kept.promise);
    }
  });

  it("makes no reason that nobody asks for", async () => {
    const promise = new LazyPromise<void>();
    let made = 0;
    promise.reject(() => new Error(`made ${++made}`));
    assert.equal(made, 0);
    await assert.rejects(promise.promise, { message: "made 1" });
    await assert.rejects(promise.promise, { message: "made 1" });
  });
});
