import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import assert from "node:assert/strict";
import { mergePermissions, type Permissions } from "../../keys/permissions.ts";

const RIGHTS = ["pty", "portForwarding", "agentForwarding", "x11Forwarding", "userRc"] as const;

const permissions: fc.Arbitrary<Permissions> = fc.record({
  forceCommand: fc.constantFrom("a", "b"),
  environment: fc.dictionary(fc.constantFrom("X", "Y"), fc.constantFrom("1", "2")),
  pty: fc.boolean(),
  portForwarding: fc.boolean(),
  agentForwarding: fc.boolean(),
  x11Forwarding: fc.boolean(),
  userRc: fc.boolean(),
  touchRequired: fc.boolean(),
  verifyRequired: fc.boolean(),
}, { requiredKeys: [] });

describe("permissions", () => {
  it("merged, they allow nothing that either forbids, and demand what either demands", () => {
    fc.assert(fc.property(permissions, permissions, (a, b) => {
      const merged = mergePermissions(a, b);
      if (merged === null) return;
      for (const right of RIGHTS) {
        assert.equal(merged[right] ?? true, (a[right] ?? true) && (b[right] ?? true), right);
      }
      const touch = (a.touchRequired ?? true) || (b.touchRequired ?? true);
      assert.equal(merged.touchRequired ?? true, touch);
      const verify = (a.verifyRequired ?? false) || (b.verifyRequired ?? false);
      assert.equal(merged.verifyRequired ?? false, verify);
      assert.equal(merged.forceCommand, a.forceCommand ?? b.forceCommand);
      assert.deepEqual({ ...merged.environment }, { ...b.environment, ...a.environment });
    }));
  });

  it("two that force different commands, or set a variable differently, do not go together", () => {
    fc.assert(fc.property(permissions, permissions, (a, b) => {
      const commands = a.forceCommand !== undefined && b.forceCommand !== undefined &&
        a.forceCommand !== b.forceCommand;
      const variables = ["X", "Y"].some((name) => {
        const [x, y] = [a.environment?.[name], b.environment?.[name]];
        return x !== undefined && y !== undefined && x !== y;
      });
      assert.equal(mergePermissions(a, b) === null, commands || variables);
    }));
  });

  it("those that restrict nothing change nothing", () => {
    assert.deepEqual(mergePermissions({}, {}), {});
    assert.deepEqual(mergePermissions({ pty: false, forceCommand: "a" }, {}), {
      pty: false,
      forceCommand: "a",
    });
  });
});
