/** Stands in for `jsr:@std/streams/text-line-stream`. @module */

/** How lines end. */
export interface TextLineStreamOptions {
  /** Whether a carriage return alone ends a line too: not, unless given. */
  allowCR?: boolean;
}

/**
 * Splits text into lines that end with `\n` or `\r\n`; what ends them is left out. A last line
 * without an end is one too, an empty one is not.
 */
export class TextLineStream extends TransformStream<string, string> {
  /** @param options How lines end. */
  constructor(options: TextLineStreamOptions = { allowCR: false }) {
    const allowCR = options.allowCR ?? false;
    let held = "";
    super({
      transform(chunk, controller) {
        const text = held + chunk;
        let start = 0;
        // What is held has no end of line in it, but for a carriage return at its very end.
        let at = Math.max(0, held.length - 1);
        for (; at < text.length; at++) {
          const letter = text[at];
          if (letter === "\n") {
            const end = at > start && text[at - 1] === "\r" ? at - 1 : at;
            controller.enqueue(text.slice(start, end));
            start = at + 1;
          } else if (
            // At the chunk's end, what follows the carriage return is not known yet.
            allowCR && letter === "\r" && at + 1 < text.length && text[at + 1] !== "\n"
          ) {
            controller.enqueue(text.slice(start, at));
            start = at + 1;
          }
        }
        held = text.slice(start);
      },
      flush(controller) {
        if (held === "") return;
        controller.enqueue(allowCR && held.endsWith("\r") ? held.slice(0, -1) : held);
      },
    });
  }
}
