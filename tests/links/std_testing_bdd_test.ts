import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  it,
  type TestSuite,
} from "@std/testing/bdd";
import assert from "node:assert/strict";

const log: string[] = [];

describe("bdd: a suite", () => {
  beforeAll(() => void log.push("beforeAll"));
  beforeEach(() => void log.push("beforeEach"));
  afterEach(() => void log.push("afterEach"));
  afterAll(() => void log.push("afterAll"));

  it("runs its first test after its hooks", () => {
    assert.deepEqual(log, ["beforeAll", "beforeEach"]);
    log.length = 0;
  });

  it("runs the hooks around each test", () => {
    assert.deepEqual(log, ["afterEach", "beforeEach"]);
    log.length = 0;
  });

  describe("within a suite", () => {
    beforeEach(() => void log.push("inner beforeEach"));
    afterEach(() => void log.push("inner afterEach"));

    it("runs the outer hooks outside of its own", () => {
      assert.deepEqual(log, ["afterEach", "beforeEach", "inner beforeEach"]);
      log.length = 0;
    });

    it("runs the inner hooks first afterwards", () => {
      assert.deepEqual(log.slice(0, 2), ["inner afterEach", "afterEach"]);
    });
  });

  it.skip("does not run what is skipped", () => assert.fail("was run"));
  it.ignore("does not run what is ignored", () => assert.fail("was run"));
  it("does not run what has the option", { ignore: true }, () => assert.fail("was run"));
  describe.skip("that is skipped", () => it("is not run", () => assert.fail("was run")));
});

describe("bdd: after a suite", () => {
  it("its last hooks have run", () => {
    assert.deepEqual(log.slice(-2), ["afterEach", "afterAll"]);
  });
});

describe("bdd: the context", () => {
  interface Context {
    shared: number;
    own?: number;
  }
  beforeAll(function (this: Context) {
    this.shared = 1;
  });
  beforeEach(function (this: Context) {
    this.own = (this.own ?? 0) + 1;
  });

  it("has what the hooks put there", function (this: Context) {
    assert.equal(this.shared, 1);
    assert.equal(this.own, 1);
  });

  it("is another one for each test", function (this: Context) {
    assert.equal(this.own, 1);
  });
});

const flat: TestSuite<{ value: number }> = describe({
  name: "bdd: a suite as a value",
  beforeEach() {
    this.value = 2;
  },
});

it(flat, "takes tests from outside", function () {
  assert.equal(this.value, 2);
});

it("bdd: a test outside of every suite gets Deno's context", async (t) => {
  assert.equal(await t.step("step", () => {}), true);
});

describe("bdd: what cannot be registered", () => {
  it("is a suite of promises", () => {
    const body = (async () => {}) as unknown as () => void;
    assert.throws(() => describe("asynchronous", body), /Promise/);
  });

  it("is a test within a running test", () => {
    assert.throws(() => it("late", () => {}), /while others run/);
  });

  it("is a hook for the file after the first test", () => {
    assert.throws(() => beforeAll(() => {}), /global hooks/);
  });
});
