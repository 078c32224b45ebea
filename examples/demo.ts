/**
 * Shows a server and a client at work, by themselves: over memory, TCP and a WebSocket on loopback.
 *
 * Run it with `deno task demo`.
 *
 * @module
 */

import {
  authenticateUsers,
  connect,
  fingerprint,
  type FlowLike,
  flowPair,
  fromWebSocket,
  generateKey,
  type PrivateKey,
  publicKey,
  serve,
  type ServerConnection,
  type ServerSession,
  type SshClient,
} from "../mod.ts";

/** A client's end of a flow whose other end is being served. */
interface Meeting {
  readonly flow: FlowLike;
  readonly server: Promise<ServerConnection>;
  stop(): Promise<void>;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

if (import.meta.main) {
  const hostKey = await generateKey("ed25519", { comment: "demo host key" });
  const userKey = await generateKey("ecdsa", { comment: "ada" });
  console.log(`The server's key is ${fingerprint(hostKey.publicKey)}.`);
  const host = (flow: FlowLike) => hostOver(flow, hostKey, userKey);
  const ways: readonly [string, () => Promise<Meeting>][] = [
    ["memory", () => meetInMemory(host)],
    ["TCP", () => meetOverTcp(host)],
    ["a WebSocket", () => meetOverWebSocket(host)],
  ];
  for (const [name, meet] of ways) {
    console.log(`\nOver ${name}:`);
    const meeting = await meet();
    await using ssh = await connect(meeting.flow, {
      user: "ada",
      auth: [publicKey(userKey)],
      authenticator: hostKey.publicKey,
    });
    await show(ssh);
    await ssh.close();
    await (await meeting.server).closed;
    await meeting.stop();
  }
  console.log("\nAll is closed.");
}

/** What the demo's client does, whatever it runs over. */
async function show(ssh: SshClient): Promise<void> {
  const { algorithms, clientVersion, serverVersion, strictKex } = ssh.info;
  const { cipher, mac, compression } = algorithms.clientToServer;
  say("versions", `${clientVersion} to ${serverVersion}`);
  say("key exchange", `${algorithms.kex.name}${strictKex ? ", strict" : ""}`);
  say("host key", `${algorithms.hostKey} ${fingerprint(ssh.serverHostKey)}`);
  say("cipher", cipher.name);
  say("MAC", mac?.name ?? "the cipher's own");
  say("compression", compression.name);

  const child = ssh.command("tally").spawn();
  const input = child.stdin.getWriter();
  await input.write(encoder.encode("one\ntwo\nthree\n"));
  await input.close();
  const { code, stdout, stderr } = await child.output();
  say("$ tally", `stdout ${quote(stdout)}, stderr ${quote(stderr)}, status ${code}`);
  expect(code === 3, "the command's status is the number of lines");

  const pty = { term: "xterm-256color", columns: 80, rows: 24 };
  const shell = ssh.shell({ pty });
  const output = shell.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const typed = shell.stdin.getWriter();
  say("shell", await readUntil(output, "80x24"));
  shell.resize(132, 43);
  say("resized", await readUntil(output, "132x43"));
  await typed.write(encoder.encode("hello"));
  say("typed", await readUntil(output, "hello"));
  await typed.close();
  await output.cancel();
  const status = await shell.status;
  say("shell ended", `status ${status.code}`);
  expect(status.code === 0, "the shell ends with status 0");
  say("ping", `${(await ssh.ping()).toFixed(1)} ms`);
}

/** The demo's server: a command that counts lines, and a shell that tells its size. */
function hostOver(flow: FlowLike, hostKey: PrivateKey, userKey: PrivateKey): ServerConnection {
  return serve(flow, {
    hostKeys: [hostKey],
    authenticate: authenticateUsers({ ada: { keys: [userKey.publicKey] } }),
    session: (session) => session.command === null ? runShell(session) : tally(session),
  });
}

async function tally(session: ServerSession): Promise<void> {
  let lines = 0;
  for await (const chunk of session.stdin) {
    lines += chunk.filter((byte) => byte === 0x0a).length;
  }
  const output = session.stdout.getWriter();
  await output.write(encoder.encode(`${lines} lines for ${session.user}\n`));
  await session.stderr.getWriter().write(encoder.encode(`counted by ${session.command}\n`));
  await session.exit(lines);
}

async function runShell(session: ServerSession): Promise<void> {
  const output = session.stdout.getWriter();
  const tellSizes = async () => {
    for await (const { columns, rows } of session.sizes) {
      await output.write(encoder.encode(`${session.pty?.term} of ${columns}x${rows}\n`));
    }
  };
  const telling = tellSizes();
  for await (const chunk of session.stdin) await output.write(chunk);
  await session.exit(0);
  await telling;
}

function meetInMemory(host: (flow: FlowLike) => ServerConnection): Promise<Meeting> {
  const [near, far] = flowPair();
  return Promise.resolve({
    flow: near,
    server: Promise.resolve(host(far)),
    stop: () => Promise.resolve(),
  });
}

async function meetOverTcp(host: (flow: FlowLike) => ServerConnection): Promise<Meeting> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const server = listener.accept().then(host);
  const flow = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  return { flow, server, stop: () => Promise.resolve(listener.close()) };
}

function meetOverWebSocket(host: (flow: FlowLike) => ServerConnection): Promise<Meeting> {
  return new Promise((resolveMeeting) => {
    const { promise: server, resolve } = Promise.withResolvers<ServerConnection>();
    const http = Deno.serve({
      hostname: "127.0.0.1",
      port: 0,
      onListen({ port }) {
        const flow = fromWebSocket(new WebSocket(`ws://127.0.0.1:${port}`));
        resolveMeeting({ flow, server, stop: () => http.shutdown() });
      },
    }, (request) => {
      const { socket, response } = Deno.upgradeWebSocket(request);
      resolve(host(fromWebSocket(socket)));
      return response;
    });
  });
}

async function readUntil(
  reader: ReadableStreamDefaultReader<string>,
  wanted: string,
): Promise<string> {
  let text = "";
  while (!text.includes(wanted)) {
    const { done, value } = await reader.read();
    if (done) break;
    text += value;
  }
  expect(text.includes(wanted), `the shell says ${wanted}`);
  return text.trim();
}

function say(what: string, text: string): void {
  console.log(`  ${what.padEnd(14)}${text}`);
}

function quote(bytes: Uint8Array): string {
  return JSON.stringify(decoder.decode(bytes));
}

function expect(held: boolean, what: string): void {
  if (!held) throw new Error(`The demo did not go as it should: ${what}`);
}
