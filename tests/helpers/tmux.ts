/**
 * A terminal with somebody in front of it: tmux, with a server of its own.
 *
 * @module
 */

/** How long something may take to show. */
const TIMEOUT_MS = 10_000;
const POLL_MS = 30;

/** A terminal in which a program runs. */
export class Tmux implements AsyncDisposable {
  readonly #program: string;
  readonly #socket: string;

  private constructor(program: string, socket: string) {
    this.#program = program;
    this.#socket = socket;
  }

  /**
   * Starts a program in a terminal.
   *
   * @param program The path of tmux.
   * @param command The program and its arguments.
   * @param options.directory Where its socket goes.
   */
  static async start(
    program: string,
    command: readonly string[],
    options: { directory: string; columns: number; rows: number },
  ): Promise<Tmux> {
    const tmux = new Tmux(program, `${options.directory}/tmux-${crypto.randomUUID().slice(0, 8)}`);
    const size = ["-x", `${options.columns}`, "-y", `${options.rows}`];
    const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
    // What the program ended with is on the screen then; the terminal stays until it is disposed.
    const script = `${quoted}; echo "status $?"; exec cat`;
    await tmux.#run(["-f", "/dev/null", "new-session", "-d", ...size, script]);
    return tmux;
  }

  /** Presses keys, by tmux's names for them: `Enter`, `C-c`, `Left`. */
  async press(...keys: string[]): Promise<void> {
    await this.#run(["send-keys", ...keys]);
  }

  /** Types text. */
  async type(text: string): Promise<void> {
    await this.#run(["send-keys", "-l", text]);
  }

  /** Makes the terminal another size. */
  async resize(columns: number, rows: number): Promise<void> {
    await this.#run(["resize-window", "-x", `${columns}`, "-y", `${rows}`]);
  }

  /** What is on the screen: its rows, up to the last that is not empty. */
  async screen(): Promise<string[]> {
    const text = await this.#run(["capture-pane", "-p"]);
    return text.trimEnd().split("\n").map((row) => row.trimEnd());
  }

  /**
   * Waits until the screen ends in these rows.
   *
   * @throws {Error} If it does not: with what is on it.
   */
  async shows(...rows: string[]): Promise<void> {
    let screen: string[] = [];
    for (let waited = 0; waited < TIMEOUT_MS; waited += POLL_MS) {
      screen = await this.screen();
      if (rows.every((row, i) => screen.at(i - rows.length) === row)) return;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
    throw new Error(`The screen does not end in\n${rows.join("\n")}\nbut is\n${screen.join("\n")}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#run(["kill-server"]);
  }

  async #run(args: string[]): Promise<string> {
    const { success, stdout, stderr } = await new Deno.Command(this.#program, {
      args: ["-u", "-S", this.#socket, ...args],
      env: { LC_ALL: "C.UTF-8", TERM: "xterm" },
      stdin: "null",
    }).output();
    const decoder = new TextDecoder();
    if (!success) throw new Error(`Cannot run tmux ${args[0]}: ${decoder.decode(stderr)}`);
    return decoder.decode(stdout);
  }
}
