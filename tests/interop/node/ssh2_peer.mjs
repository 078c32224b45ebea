// Drives npm's ssh2, as a client and as a server: requests and answers in JSON, one a line.

import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import process from "node:process";
import { createInterface } from "node:readline";
import { finished } from "node:stream/promises";

const { Client, Server, utils } = createRequire(
  new URL("../npm/package.json", import.meta.url),
)("ssh2");

const HOST = "127.0.0.1";
const METHODS = ["publickey", "password", "keyboard-interactive"];
const SHOWN_BYTES = 1000;

const operations = { run, listen };
for await (const line of createInterface({ input: process.stdin })) {
  const request = JSON.parse(line);
  const answer = await operations[request.op](request).catch((error) => ({ error: `${error}` }));
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
process.exit();

/** Logs in, and runs one command. */
function run(request) {
  const known = request.hostKeys.map((line) => line.split(" ")[1]);
  return new Promise((resolve, reject) => {
    const client = new Client();
    client.on("error", reject);
    client.on("keyboard-interactive", (_name, _instructions, _language, prompts, answer) => {
      answer(prompts.map(() => request.password));
    });
    client.on("connect", () => client.setNoDelay(true));
    client.on("ready", () => {
      client.exec(request.command, (error, stream) => {
        if (error) return reject(error);
        collect(client, stream, request).then(resolve, reject).finally(() => client.end());
      });
    });
    client.connect({
      host: HOST,
      port: request.port,
      username: request.user,
      authHandler: [request.method],
      tryKeyboard: request.method === "keyboard-interactive",
      ...(request.method === "publickey"
        ? { privateKey: readFileSync(request.keyFile) }
        : { password: request.password }),
      hostVerifier: (key) => known.includes(key.toString("base64")),
    });
  });
}

async function collect(client, stream, { inputFile, rekeyBytes }) {
  const stdout = [];
  const stderr = [];
  let [status, signal] = [null, null];
  const counted = rekeyEvery(rekeyBytes, client);
  stream.on("data", (chunk) => {
    counted(chunk);
    stdout.push(chunk);
  });
  stream.stderr.on("data", (chunk) => stderr.push(chunk));
  stream.on("exit", (code, name) => {
    status = code;
    signal = name?.replace(/^SIG/, "") ?? null;
  });
  stream.end(inputFile === undefined ? undefined : readFileSync(inputFile));
  await once(stream, "close");
  const output = Buffer.concat(stdout);
  return {
    status,
    signal,
    stdout: output.subarray(0, SHOWN_BYTES).toString("latin1"),
    stdoutSha256: createHash("sha256").update(output).digest("hex"),
    stderr: Buffer.concat(stderr).subarray(0, SHOWN_BYTES).toString("latin1"),
  };
}

/** It has no limit of its own for what keys serve for: it is told when so many bytes have come. */
function rekeyEvery(bytes, connection) {
  let received = 0;
  return (chunk) => {
    received += chunk.length;
    if (bytes === undefined || received < bytes) return;
    received = 0;
    connection.rekey();
  };
}

/** Listens; the process' end is the server's. */
async function listen(request) {
  const keys = readFileSync(request.authorizedKeysFile, "utf8").split("\n")
    .map((line) => line.split(" ")[1]);
  const hostKeys = request.hostKeyFiles.map((path) => readFileSync(path));
  const server = new Server({ hostKeys }, (client) => {
    client.setNoDelay(true);
    client.on("error", () => {});
    client.on("authentication", (attempt) => authenticate(attempt, request, keys));
    client.on("session", (accept) => {
      accept().on("exec", (accept, _reject, { command }) => {
        runCommand(client, accept(), command, request);
      });
    });
  });
  server.listen(0, HOST);
  await once(server, "listening");
  return { port: server.address().port };
}

function authenticate(attempt, { user, password }, keys) {
  const decide = (right) => right ? attempt.accept() : attempt.reject(METHODS);
  if (attempt.username !== user) return decide(false);
  switch (attempt.method) {
    case "password":
      return decide(attempt.password === password);
    case "publickey": {
      const { key, blob, signature, hashAlgo } = attempt;
      const known = keys.includes(key.data.toString("base64"));
      if (!known || signature === undefined) return decide(known);
      return decide(utils.parseKey(key.data).verify(blob, signature, hashAlgo) === true);
    }
    case "keyboard-interactive": {
      const prompts = [{ prompt: "Password: ", echo: false }, { prompt: "Again: ", echo: true }];
      return attempt.prompt(prompts, "Login", "Say it", (answers) => {
        decide(answers.length === 2 && answers.every((answer) => answer === password));
      });
    }
  }
  decide(false);
}

/** Runs the command of a client in a shell. */
async function runCommand(client, stream, command, { rekeyBytes }) {
  const child = spawn("/bin/sh", ["-c", command]);
  // What has ended takes no more input.
  child.stdin.on("error", () => {});
  stream.on("data", rekeyEvery(rekeyBytes, client));
  stream.pipe(child.stdin);
  child.stdout.pipe(stream, { end: false });
  child.stderr.pipe(stream.stderr, { end: false });
  const [[code, signal]] = await Promise.all([
    once(child, "exit"),
    finished(child.stdout),
    finished(child.stderr),
  ]);
  stream.exit(signal ?? code);
  stream.end();
}
