import { afterAll, beforeAll, it } from "@std/testing/bdd";
import { hostSession } from "../../examples/shell.ts";
import { type DemoServer, demoServer } from "../helpers/demo_server.ts";
import { OpenSshClient } from "../helpers/openssh_client.ts";
import { fileOf, type PeerFiles, peerFiles } from "../helpers/peer_files.ts";
import { USER } from "../helpers/peer_roles.ts";
import { describePeer } from "../helpers/peers.ts";
import { Tmux } from "../helpers/tmux.ts";

const PROMPT = `${USER}@sshflow$`;

describePeer(
  ["ssh", "sshpass", "tmux"],
  "a shell in a terminal with OpenSSH's client",
  (ssh, sshpass, tmux) => {
    let files: PeerFiles;
    let server: DemoServer;
    beforeAll(async () => {
      files = await peerFiles();
      server = demoServer({
        session: hostSession,
        hostKeys: [fileOf(files.hostKeys, "ssh-ed25519").key],
        userKeys: [fileOf(files.userKeys, "ssh-ed25519").key.publicKey],
      });
    });
    afterAll(async () => {
      await server[Symbol.asyncDispose]();
      await files[Symbol.asyncDispose]();
    });

    async function open(): Promise<Tmux> {
      const { port, hostKeys } = server;
      const keyFile = fileOf(files.userKeys, "ssh-ed25519").path;
      const client = new OpenSshClient({ ssh, sshpass }, files.directory);
      const request = { port, hostKeys, user: USER, method: "publickey", keyFile } as const;
      const { directory } = files;
      const command = ["env", "TERM=xterm", ssh, ...await client.args(request, ["-t"])];
      const terminal = await Tmux.start(tmux, command, { directory, columns: 60, rows: 20 });
      await terminal.shows(`Hello ${USER}. Commands are listed by help.`, PROMPT);
      return terminal;
    }

    it("runs commands, and shows what they say line by line", async () => {
      await using terminal = await open();
      await terminal.type("echo one two");
      await terminal.shows(`${PROMPT} echo one two`);
      await terminal.press("Enter");
      await terminal.shows(`${PROMPT} echo one two`, "one two", PROMPT);
      await terminal.type("nonsense");
      await terminal.press("Enter");
      await terminal.shows("nonsense: command not found; try help", PROMPT);
      await terminal.type("help");
      await terminal.press("Enter");
      await terminal.shows("signal NAME    ends as if by a signal, such as TERM", PROMPT);
    });

    it("has its line edited, and its lines called back", async () => {
      await using terminal = await open();
      await terminal.type("cho wrld");
      await terminal.press("Left", "Left", "Left");
      await terminal.type("o");
      await terminal.press("Home");
      await terminal.type("e");
      await terminal.press("End", "Enter");
      await terminal.shows(`${PROMPT} echo world`, "world", PROMPT);
      await terminal.press("Up", "BSpace", "BSpace");
      await terminal.type("d! 日本語");
      await terminal.press("Left", "BSpace", "Enter");
      await terminal.shows(`${PROMPT} echo word! 日語`, "word! 日語", PROMPT);
      await terminal.type("to be erased");
      await terminal.press("C-u");
      await terminal.shows(PROMPT);
    });

    it("goes round the edge of the terminal, and back", async () => {
      await using terminal = await open();
      const text = `echo ${"0123456789".repeat(8)}`;
      await terminal.type(text);
      const shown = `${PROMPT} ${text}`;
      await terminal.shows(shown.slice(0, 60), shown.slice(60));
      await terminal.press("Home", "Right", "Right", "Right", "Right", "Right");
      await terminal.type("x");
      const longer = `${PROMPT} echo x${"0123456789".repeat(8)}`;
      await terminal.shows(longer.slice(0, 60), longer.slice(60));
      await terminal.press("C-k");
      await terminal.shows(`${PROMPT} echo x`);
      await terminal.press("Enter");
      await terminal.shows(`${PROMPT} echo x`, "x", PROMPT);
    });

    it("knows the terminal's size, and follows it", async () => {
      await using terminal = await open();
      await terminal.type("pty");
      await terminal.press("Enter");
      await terminal.shows("xterm 60x20", PROMPT);
      await terminal.resize(40, 15);
      await terminal.type("pty");
      await terminal.press("Enter");
      await terminal.shows("xterm 40x15", PROMPT);
      const text = "abcdefghijklmnopqrstuvwxyz0123456789";
      await terminal.type(text);
      await terminal.shows(`${PROMPT} ${text}`.slice(0, 40), `${PROMPT} ${text}`.slice(40));
      await terminal.resize(70, 15);
      await terminal.shows(`${PROMPT} ${text}`);
      await terminal.resize(30, 15);
      await terminal.shows(`${PROMPT} ${text}`.slice(0, 30), `${PROMPT} ${text}`.slice(30));
      await terminal.press("C-a");
      await terminal.type("echo ");
      await terminal.press("Enter");
      await terminal.shows(text.slice(0, 30), text.slice(30), PROMPT);
    });

    it("gives a line up on Ctrl-C, and a command", async () => {
      await using terminal = await open();
      await terminal.type("sleep 100");
      await terminal.press("C-c");
      await terminal.shows(`${PROMPT} sleep 100^C`, PROMPT);
      await terminal.type("sleep 100");
      await terminal.press("Enter", "C-c");
      await terminal.shows(`${PROMPT} sleep 100`, PROMPT);
      await terminal.type("cat");
      await terminal.press("Enter");
      await terminal.type("half a line");
      await terminal.press("C-c");
      await terminal.shows("half a line^C", PROMPT);
      await terminal.type("echo still here");
      await terminal.press("Enter");
      await terminal.shows("still here", PROMPT);
    });

    it("ends a command's input on Ctrl-D, and itself on the next", async () => {
      await using terminal = await open();
      await terminal.type("cat");
      await terminal.press("Enter");
      await terminal.type("to the cat");
      await terminal.press("Enter");
      await terminal.shows("to the cat", "to the cat");
      await terminal.press("C-d");
      await terminal.shows("to the cat", PROMPT);
      await terminal.press("C-d");
      await terminal.shows(`${PROMPT} exit`, "status 0");
    });

    it("ends with the status that it is given", async () => {
      await using terminal = await open();
      await terminal.type("exit 7");
      await terminal.press("Enter");
      await terminal.shows(`${PROMPT} exit 7`, "status 7");
    });
  },
);
