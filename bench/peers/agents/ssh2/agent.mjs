// npm's ssh2, as a process that does the same jobs as this implementation's agent.

import { Buffer } from "node:buffer";
import { once } from "node:events";
import { createRequire } from "node:module";
import process from "node:process";
import { createInterface } from "node:readline";
import { Duplex } from "node:stream";

const require = createRequire(new URL("../../npm/package.json", import.meta.url));
const { Client, Server, utils } = require("ssh2");

const HOST = "127.0.0.1";
const USER = "root";
const CHUNK_BYTES = 64 * 1024;
const zeros = Buffer.alloc(CHUNK_BYTES);
const IDLE_AT_ONCE = 20;
const SETTLE_MS = 300;
const servers = new Map();

const methods = {
  listen,
  download,
  upload,
  latency,
  exchange,
  runCommands,
  handshakes,
  idle,
  channels,
};

// The two ends.

function makeServer({ hostKey, userKey }) {
  const allowed = utils.parseKey(userKey).getPublicSSH();
  return new Server({ hostKeys: [hostKey] }, (connection) => {
    connection.on("error", () => {});
    connection.on("authentication", (attempt) => {
      const { method, username, key, blob, signature, hashAlgo } = attempt;
      const isKnown = method === "publickey" && username === USER && allowed.equals(key.data);
      if (!isKnown) return attempt.reject(["publickey"]);
      if (signature === undefined) return attempt.accept();
      if (utils.parseKey(key.data).verify(blob, signature, hashAlgo) === true) attempt.accept();
      else attempt.reject();
    });
    connection.on("session", (accept) => {
      accept().on("exec", (accept, _reject, { command }) => runCommand(accept(), command));
    });
  });
}

/** One server for all connections in memory, as there is one for all sockets. */
function serverFor({ hostKey, userKey }) {
  const name = hostKey + userKey;
  let server = servers.get(name);
  if (server === undefined) servers.set(name, server = makeServer({ hostKey, userKey }));
  return server;
}

function runCommand(stream, command) {
  stream.on("error", () => {});
  const [name, argument] = command.split(" ");
  const end = () => {
    stream.exit(0);
    stream.end();
  };
  if (name === "source") writeZeros(stream, Number(argument), end);
  else if (name === "sink") {
    let bytes = 0;
    stream.on("data", (chunk) => bytes += chunk.length);
    stream.on("end", () => {
      stream.write(`${bytes}\n`);
      end();
    });
  } else if (name === "echo") {
    stream.on("data", (chunk) => stream.write(chunk));
    stream.on("end", end);
  } else {
    stream.exit(127);
    stream.end();
  }
}

function writeZeros(stream, bytes, end) {
  let left = bytes;
  const go = () => {
    while (left > 0) {
      const part = left < zeros.length ? zeros.subarray(0, left) : zeros;
      left -= part.length;
      if (!stream.write(part)) return stream.once("drain", go);
    }
    end();
  };
  go();
}

function logIn(choice, medium) {
  const { hostKey, userKey, kex, cipher, mac } = choice;
  const known = utils.parseKey(hostKey).getPublicSSH();
  return new Promise((resolve, reject) => {
    const client = new Client();
    client.on("error", reject);
    client.on("ready", () => resolve(client));
    client.connect({
      ...medium,
      username: USER,
      privateKey: userKey,
      authHandler: ["publickey"],
      hostVerifier: (key) => known.equals(key),
      algorithms: { kex: [kex], cipher: [cipher], ...(mac !== null && { hmac: [mac] }) },
    });
  });
}

async function connectEnds(choice) {
  const [near, far] = duplexPair();
  serverFor(choice).injectSocket(far);
  return await logIn(choice, { sock: near });
}

async function close(client) {
  const closed = once(client, "close");
  client.end();
  await closed;
}

// Bytes in memory, both ways.

class End extends Duplex {
  peer = null;
  #accept = null;

  _read() {
    const accept = this.#accept;
    this.#accept = null;
    accept?.();
  }

  _write(chunk, _encoding, accept) {
    // Never at once: its parser cannot be entered again before it has returned.
    queueMicrotask(() => this.peer.take(chunk, accept));
  }

  _final(accept) {
    queueMicrotask(() => this.peer.push(null));
    accept();
  }

  take(chunk, accept) {
    if (this.push(chunk)) accept();
    else this.#accept = accept;
  }
}

function duplexPair() {
  const [one, other] = [new End(), new End()];
  one.peer = other;
  other.peer = one;
  return [one, other];
}

// The jobs.

async function listen(job) {
  const server = makeServer(job);
  server.listen(0, HOST);
  await once(server, "listening");
  return { port: server.address().port };
}

async function download(job) {
  return await withRemote(job, (client) => downloadOver(client, job.command));
}

async function upload(job) {
  return await withRemote(job, (client) => uploadOver(client, job.command, job.bytes));
}

async function latency(job) {
  return await withRemote(job, async (client) => {
    const stream = await exec(client, job.command);
    const times = [];
    const end = performance.now() + job.limitMs;
    for (let round = 0; round < job.rounds; round++) {
      const start = performance.now();
      if (start > end) break;
      stream.write(Buffer.from([round]));
      const [chunk] = await once(stream, "data");
      if (chunk.length !== 1) throw new Error("The byte has not come back");
      times.push(performance.now() - start);
    }
    stream.resume();
    stream.end();
    await once(stream, "close");
    times.sort((a, b) => a - b);
    const at = (part) => times[Math.max(0, Math.ceil(times.length * part) - 1)];
    return { medianMs: at(0.5), p99Ms: at(0.99) };
  });
}

async function exchange(job) {
  const client = await connectEnds(job);
  try {
    return {
      down: await downloadOver(client, `source ${job.bytes}`),
      up: await uploadOver(client, "sink", job.bytes),
    };
  } finally {
    await close(client);
  }
}

async function runCommands(job) {
  const client = await connectEnds(job);
  const start = performance.now();
  await repeat(job.count, job.atOnce, async () => {
    const { bytes } = await downloadOver(client, "source 1");
    if (bytes !== 1) throw new Error("The command has said nothing");
  });
  const seconds = (performance.now() - start) / 1000;
  await close(client);
  return { seconds };
}

async function handshakes(job) {
  const server = makeServer(job);
  if (job.medium === "tcp") {
    server.listen(0, HOST);
    await once(server, "listening");
  }
  const start = performance.now();
  await repeat(job.count, job.atOnce, async () => {
    const client = job.medium === "tcp"
      ? await logIn(job, { host: HOST, port: server.address().port })
      : await connectEnds(job);
    await close(client);
  });
  const seconds = (performance.now() - start) / 1000;
  if (job.medium === "tcp") server.close();
  return { seconds };
}

async function idle(job) {
  const clients = [];
  const open = async () => void clients.push(await connectEnds(job));
  await repeat(IDLE_AT_ONCE, IDLE_AT_ONCE, open);
  const before = await memoryInUse();
  const start = performance.now();
  await repeat(job.count, IDLE_AT_ONCE, open);
  const seconds = (performance.now() - start) / 1000;
  const after = await memoryInUse();
  await new Promise((resolve) => setTimeout(resolve, SETTLE_MS * 4));
  const cpuBefore = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, job.watchMs));
  const { user, system } = process.cpuUsage(cpuBefore);
  await Promise.all(clients.map(close));
  return {
    residentBytes: after.rss - before.rss,
    heapBytes: after.heapUsed - before.heapUsed,
    externalBytes: after.external - before.external,
    seconds,
    wakes: 0,
    busyMs: (user + system) / 1000,
  };
}

async function channels(job) {
  const client = await connectEnds(job);
  client.on("error", () => {});
  const counts = new Array(job.count).fill(0);
  let total = 0;
  let onProgress = () => {};
  const until = (isReached) =>
    new Promise((resolve) => {
      onProgress = () => {
        if (isReached()) resolve();
      };
    });
  const started = until(() => counts.every((count) => count > 0));
  await Promise.all(counts.map(async (_, index) => {
    const stream = await exec(client, `source ${Number.MAX_SAFE_INTEGER}`);
    stream.on("error", () => {});
    stream.on("data", (chunk) => {
      counts[index] += chunk.length;
      total += chunk.length;
      onProgress();
    });
  }));
  await started;
  const before = [...counts];
  const totalBefore = total;
  const start = performance.now();
  await until(() => total - totalBefore >= job.bytes);
  const seconds = (performance.now() - start) / 1000;
  const shares = counts.map((count, index) => count - before[index]);
  const bytes = total - totalBefore;
  client.destroy();
  return { bytes, seconds, least: Math.min(...shares), most: Math.max(...shares) };
}

// What the jobs have in common.

async function withRemote(job, use) {
  const client = await logIn(job, { host: HOST, port: job.port });
  try {
    return await use(client);
  } finally {
    await close(client);
  }
}

function exec(client, command) {
  return new Promise((resolve, reject) => {
    client.exec(command, (error, stream) => error ? reject(error) : resolve(stream));
  });
}

async function downloadOver(client, command) {
  const start = performance.now();
  const stream = await exec(client, command);
  let bytes = 0;
  stream.on("data", (chunk) => bytes += chunk.length);
  stream.end();
  await once(stream, "close");
  return { bytes, seconds: (performance.now() - start) / 1000 };
}

async function uploadOver(client, command, bytes) {
  const start = performance.now();
  const stream = await exec(client, command);
  let text = "";
  stream.on("data", (chunk) => text += chunk);
  const closed = once(stream, "close");
  writeZeros(stream, bytes, () => stream.end());
  await closed;
  if (Number(text) !== bytes) throw new Error(`${Number(text)} of ${bytes} bytes have arrived`);
  return { bytes, seconds: (performance.now() - start) / 1000 };
}

async function repeat(count, atOnce, action) {
  let left = count;
  await Promise.all(Array.from({ length: Math.min(count, atOnce) }, async () => {
    while (left-- > 0) await action();
  }));
}

async function memoryInUse() {
  for (let round = 0; round < 3; round++) {
    await new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
    globalThis.gc();
  }
  return process.memoryUsage();
}

for await (const line of createInterface({ input: process.stdin })) {
  const { method, job } = JSON.parse(line);
  const answer = await methods[method](job)
    .then((result) => ({ result }), (error) => ({ error: `${error?.stack ?? error}` }));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit();
