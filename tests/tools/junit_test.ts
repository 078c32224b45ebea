import { describe, it } from "@std/testing/bdd";
import assert from "node:assert/strict";
import { sum, summaryLine, tally } from "../../tools/_junit.ts";

/** A report of `deno test`, for test cases given by name, with what stands in them. */
function report(cases: readonly (readonly [name: string, body?: string])[]): string {
  const lines = cases.map(([name, body = ""]) =>
    `<testcase name="${name}" classname="./a_test.ts" time="0.000" line="1" col="6">
        ${body}
    </testcase>`
  );
  return `<?xml version="1.0"?><testsuites><testsuite>${lines.join("")}</testsuite></testsuites>`;
}

const FAILURE = '<failure message="Uncaught Error: x">Error: x</failure>';
const STEP_FAILURE = '<failure message="1 test step failed">1 test step failed.</failure>';

describe("test summary", () => {
  it("counts the tests of a suite, and not the suite", () => {
    const xml = report([["suite"], ["suite &gt; one"], ["suite &gt; two"], ["plain"]]);
    assert.deepEqual(tally(xml), { passed: 3, failed: 0, skipped: [] });
  });

  it("counts a test within suites once", () => {
    const xml = report([["a"], ["a &gt; b"], ["a &gt; b &gt; c"]]);
    assert.deepEqual(tally(xml), { passed: 1, failed: 0, skipped: [] });
  });

  it("counts a failing test once, however many suites are around it", () => {
    const xml = report([["a", STEP_FAILURE], ["a &gt; b", FAILURE], ["a &gt; c"]]);
    assert.deepEqual(tally(xml), { passed: 1, failed: 1, skipped: [] });
  });

  it("counts a suite that fails by itself, in a hook", () => {
    const xml = report([["a", FAILURE], ["a &gt; b"]]);
    assert.deepEqual(tally(xml), { passed: 1, failed: 1, skipped: [] });
  });

  it("tells skipped tests by name", () => {
    const xml = report([["a"], ["a &gt; &quot;b&quot;", "<skipped/>"], ["c", "<skipped/>"]]);
    assert.deepEqual(tally(xml), {
      passed: 0,
      failed: 0,
      skipped: ['a > "b"', "c"],
    });
  });

  it("adds parts up", () => {
    const parts = [
      { passed: 1, failed: 2, skipped: ["a"] },
      { passed: 3, failed: 4, skipped: ["b"] },
    ];
    assert.deepEqual(sum(parts), { passed: 4, failed: 6, skipped: ["a", "b"] });
  });

  it("ends with a line that says skipped only where something was", () => {
    assert.equal(summaryLine({ passed: 5, failed: 0, skipped: [] }), "5 passed, 0 failed");
    assert.equal(
      summaryLine({ passed: 5, failed: 1, skipped: ["a", "b"] }),
      "5 passed, 1 failed, 2 skipped",
    );
  });
});
