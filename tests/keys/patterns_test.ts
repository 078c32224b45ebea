import { describe, it } from "@std/testing/bdd";
import fc from "fast-check";
import assert from "node:assert/strict";
import { matchesPattern, matchPatternList } from "../../keys/patterns.ts";

describe("patterns", () => {
  it("match with * for any characters, and ? for one", () => {
    const matching = [
      ["", ""],
      ["", "*"],
      ["", "**"],
      ["host", "host"],
      ["host", "*"],
      ["host", "h?s?"],
      ["host", "*st"],
      ["host", "h*t"],
      ["host", "*h*o*s*t*"],
      ["a.b.example", "*.example"],
      ["192.0.2.7", "192.0.2.?"],
      ["aab", "*ab"],
      ["abcabd", "*abd"],
    ] as const;
    for (const [text, pattern] of matching) {
      assert.ok(matchesPattern(text, pattern), `${text} ${pattern}`);
    }
    const others = [
      ["", "?"],
      ["host", ""],
      ["host", "hos"],
      ["host", "hosts"],
      ["host", "Host"],
      ["host", "ho?"],
      ["host", "?host"],
      ["host", "*os"],
      ["example", "*.example"],
      ["192.0.2.17", "192.0.2.?"],
      ["h.st", "h[.]st"],
    ] as const;
    for (const [text, pattern] of others) {
      assert.ok(!matchesPattern(text, pattern), `${text} ${pattern}`);
    }
  });

  it("take no longer than their lengths multiplied, whatever they are", () => {
    const started = performance.now();
    assert.equal(matchesPattern("a".repeat(2000), `${"*a".repeat(500)}*b`), false);
    assert.ok(performance.now() - started < 1000);
  });

  it("match as the regular expression does that says the same", () => {
    const characters = fc.stringMatching(/^[ab*?]{0,8}$/);
    fc.assert(fc.property(fc.stringMatching(/^[ab]{0,8}$/), characters, (text, pattern) => {
      const regexp = new RegExp(`^${pattern.replaceAll("*", ".*").replaceAll("?", ".")}$`);
      assert.equal(matchesPattern(text, pattern), regexp.test(text));
    }));
  });

  it("in a list rule out with !, wherever that stands", () => {
    assert.equal(matchPatternList("a.example", "b,a.*"), "match");
    assert.equal(matchPatternList("a.example", "!a.example,*"), "negated");
    assert.equal(matchPatternList("a.example", "*,!a.example"), "negated");
    assert.equal(matchPatternList("b.example", "*,!a.example"), "match");
    assert.equal(matchPatternList("b.example", "!a.example"), "none");
    assert.equal(matchPatternList("b.example", ""), "none");
    assert.equal(matchPatternList("b.example", ",b.example,"), "match");
  });
});
