import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";

const PERMISSIONS = ["env", "ffi", "net", "read", "run", "sys", "write"] as const;

describe("the tests of the library itself", () => {
  it("run without a permission: `deno task test` gives them none", () => {
    const granted = PERMISSIONS.filter((name) =>
      Deno.permissions.querySync({ name }).state === "granted"
    );
    assert.deepEqual(granted, []);
  });
});
