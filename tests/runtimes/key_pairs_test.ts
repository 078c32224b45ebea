import { describe } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { itWithPeer } from "../helpers/peers.ts";
import { makeBundle } from "./bundle.ts";
import { NODE_FLAGS, runModule } from "./programs.ts";

const COUNT = 20_000;
const ENTRY = `
import { makeKeyPairs } from "./program.js";
console.log(JSON.stringify(makeKeyPairs(${COUNT})));
`;

describe("key pairs of node:crypto", () => {
  // Node 20 can wait for itself, for ever, where a key is exported after it was made.
  itWithPeer("node", "are made in Node as often as they are wanted", async (node) => {
    using bundle = await makeBundle("tests/runtimes/key_pairs.ts");
    const told = await runModule(node, NODE_FLAGS, bundle, ENTRY);
    assert.deepEqual(JSON.parse(told), { "X25519": COUNT, "P-256": COUNT });
  });
});
