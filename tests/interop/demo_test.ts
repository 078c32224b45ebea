import assert from "node:assert/strict";
import { describe, it } from "@std/testing/bdd";

describe("deno task demo", () => {
  it("shows a server and a client over memory, TCP and a WebSocket, and ends with 0", async () => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["task", "demo"],
      stdin: "null",
      signal: AbortSignal.timeout(30_000),
    }).output();
    const said = new TextDecoder().decode(stdout);
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    for (const way of ["memory", "TCP", "a WebSocket"]) {
      const start = said.indexOf(`Over ${way}:`);
      assert.notEqual(start, -1, way);
      const part = said.slice(start, said.indexOf("\n\n", start));
      assert.match(part, /key exchange +mlkem768x25519-sha256, strict\n/);
      assert.match(
        part,
        /\$ tally +stdout "3 lines for ada\\n", stderr "counted by tally\\n", status 3/,
      );
      assert.match(part, /shell +xterm-256color of 80x24\n/);
      assert.match(part, /resized +xterm-256color of 132x43\n/);
      assert.match(part, /shell ended +status 0\n/);
    }
    assert.match(said, /All is closed\.\n$/);
  });
});
